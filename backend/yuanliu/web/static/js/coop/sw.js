// Keeps the pages of the desk for when there is no line. BUILD and FILES stand above, put there by the service.
// Static files are named by their content and kept for good; pages are asked for first, and shown as last seen if no
// answer comes in time; the page is told of an answer that comes later and says something else. What is sent never
// passes through here: the queue of the page does that.

const STATIC = `coop-static-${BUILD}`;
const PAGES = "coop-pages";
const OFFLINE = ["/coop/offline", "/coop/waiting"];
const PATIENCE_MS = 5_000;
const ANYHOW = { ignoreVary: true }; // one language a device; style sheets are asked for with another Accept than files

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    await (await caches.open(STATIC)).addAll(FILES);
    const pages = await caches.open(PAGES);
    await Promise.all(OFFLINE.map((path) => keep(pages, path)));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("coop-static-") && name !== STATIC) await caches.delete(name);
    await self.clients.claim();
  })());
});

async function keep(pages, path) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", headers: { Accept: "text/html" } });
  if (answer.ok && !answer.redirected) await pages.put(path, answer);
}

self.addEventListener("message", (event) => {
  const { warm, forget } = event.data ?? {};
  if (forget) {
    event.waitUntil(caches.delete(PAGES).then(async () => {
      const pages = await caches.open(PAGES);
      await Promise.all(OFFLINE.map((path) => keep(pages, path).catch(() => {})));
    }));
  }
  if (warm) {
    event.waitUntil((async () => {
      const pages = await caches.open(PAGES);
      for (const path of warm) await keep(pages, path).catch(() => {}); // one after the other: the line is poor
      event.source?.postMessage({ warmed: warm.length });
    })());
  }
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith(`/static/${BUILD}/`)) event.respondWith(stored(event.request));
  else if (event.request.mode === "navigate") event.respondWith(page(event, url));
});

async function stored(request) {
  const cache = await caches.open(STATIC);
  const found = await cache.match(request, ANYHOW);
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

async function page(event, url) {
  const pages = await caches.open(PAGES);
  const name = url.pathname + nameable(url);
  const asked = fetch(event.request).then(async (answer) => {
    if (answer.ok && !answer.redirected && answer.type === "basic" && url.pathname !== "/coop/sign-in") {
      await pages.put(name, answer.clone());
    }
    return answer;
  });
  event.waitUntil(asked.catch(() => {}));
  const seen = (await pages.match(name, ANYHOW)) ?? (await pages.match(url.pathname, ANYHOW));
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null));
  const answer = await Promise.race([asked.catch(() => null), ...(seen ? [late] : [])]);
  if (!answer && seen) event.waitUntil(tell(event.resultingClientId, seen.clone(), asked).catch(() => {}));
  if (answer && !(answer.status >= 502 && seen)) return answer;
  return seen ?? answer ?? (await pages.match("/coop/offline", ANYHOW)) ?? Response.error();
}

// Tells the page that was shown as last seen once the service has answered otherwise.
async function tell(client, seen, asked) {
  const answer = await asked;
  const newer = answer.redirected || answer.type !== "basic" || (answer.ok && (await answer.text()) !== (await seen.text()));
  if (newer) (await self.clients.get(client))?.postMessage({ newer: true });
}

// A form that is corrected is the same page; a list's next page is another.
function nameable(url) {
  const query = new URLSearchParams(url.search);
  query.delete("again");
  query.delete("lang");
  const text = query.toString();
  return text ? `?${text}` : "";
}
