// What is asked of the service at once, over the line: passwords and keys, of which this device keeps nothing.

import { chinese, make, say } from "./page.js";

const HEADERS = { "Accept-Language": chinese ? "zh" : "en", "Content-Type": "application/json", Accept: "application/json" };
const POLL_SECONDS = 10;
const PAUSE_MS = 3_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function call(path, method, body, csrf = "", more = {}) {
  try {
    const answer = await fetch(path, { method, headers: { ...HEADERS, ...(csrf ? { "X-CSRF-Token": csrf } : {}), ...more }, body: body && JSON.stringify(body), cache: "no-store" });
    const text = await answer.text();
    const said = text ? JSON.parse(text) : null;
    return { status: answer.status, body: answer.ok || said?.title ? said : { title: say("try_again"), hint: "" } }; // some proxy's refusal has no words
  } catch {
    return { status: 0, body: { title: say("line_needed"), hint: "" } };
  }
}

export const session = async () => (await call("/api/v1/session", "GET")).body;

export function refused(form, { body }) {
  const status = form.querySelector("[data-status]");
  status.replaceChildren(make("div", { class: "notice notice-wait", role: "alert" }, make("p", { class: "notice-title" }, body.title), body.hint ? make("p", {}, body.hint) : ""));
}

// Has an act signed and waits until it is on the record. Under the same `key` it is the same act, however often it is asked for.
export async function carriedOut(path, body, key) {
  const { csrf } = (await session()) ?? {};
  const answer = await call(path, "POST", body, csrf, { "Idempotency-Key": key, Prefer: `wait=${POLL_SECONDS}` });
  const intention = answer.body?.enrolment ?? answer.body?.intention ?? answer.body;
  if (answer.status !== 202 || !intention?.id) return { ...answer, block: intention?.block ?? 0 };
  for (;;) {
    const { status, body: now } = await call(`/api/v1/intentions/${intention.id}?wait=${POLL_SECONDS}`, "GET");
    if (status === 200 && now.state === "done") return { ...answer, status: 201, block: now.block };
    if (status === 200 && ["failed", "lapsed"].includes(now.state)) return { status: 409, body: { code: now.error?.code ?? "outbox.lapsed", title: now.error?.message ?? say("try_again"), hint: "", fields: now.error?.fields ?? {} } };
    if (status >= 400 && status < 500 && status !== 429) return { status, body: now };
    if (status !== 200) await pause(PAUSE_MS); // the line: it goes on meanwhile
  }
}

// Waits until the pages can show what is in a block; gives whether that is still `wanted`.
export async function readable(block, wanted = () => true) {
  for (let ms = 300; wanted(); ms = Math.min(2 * ms, 5_000)) {
    try {
      const { block: shown } = await (await fetch("/api/v1/chain", { cache: "no-store" })).json();
      if (!(shown < block)) break;
    } catch {
      break; // no line: what this device keeps of the pages has to do
    }
    await pause(ms);
  }
  return wanted();
}
