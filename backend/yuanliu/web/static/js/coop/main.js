// Begins: forms, the queue, what works without a line.

import * as live from "./live.js";
import * as queue from "./queue.js";
import * as readings from "./readings.js";
import * as send from "./send.js";
import * as sheets from "./sheets.js";
import * as sign from "./sign.js";
import * as staff from "./staff.js";
import { onTold } from "./store.js";
import { wire } from "./form.js";
import { account, warm } from "./page.js";

for (const form of document.querySelectorAll("form[data-act]")) {
  live.start(form);
  wire(form);
}
document.querySelector(".top-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // phones have no room for all
sign.start();
staff.start();
sheets.start();
readings.start();
queue.start();
send.start();

if ("serviceWorker" in navigator) {
  const registered = navigator.serviceWorker.register("/coop/sw.js", { scope: "/coop" }).catch(() => null);
  // What the pages show changes with what is sent; they are fetched again for when the line breaks.
  const fetchAgain = async () => {
    if (!account || !navigator.onLine || !(await registered)) return;
    const worker = (await navigator.serviceWorker.ready).active;
    const batches = [...document.querySelectorAll("a[href^='/coop/batch/']")].slice(0, 20).map((link) => link.pathname);
    worker?.postMessage({ warm: [...new Set([...warm, ...batches])] });
  };
  navigator.serviceWorker.addEventListener("message", (event) => {
    if (event.data?.warmed) document.documentElement.dataset.warm = event.data.warmed;
    if (event.data?.newer) queue.newer();
  });
  if (account && (location.pathname === "/coop" || !sessionStorage.getItem("warm"))) {
    sessionStorage.setItem("warm", "1");
    fetchAgain();
  }
  onTold((what) => { if (what === "sent") fetchAgain(); });
}
