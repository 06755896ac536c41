// Sends what is in the queue, in order, one tab at a time. An entry leaves the queue's line only on a final answer; until
// then it is sent again under the same key, and the service does nothing twice.

import * as store from "./store.js";
import { account, chinese, say as words } from "./page.js";

const LANGUAGE = chinese ? "zh" : "en";
const WAIT_MS = [3_000, 6_000, 12_000, 30_000, 60_000];
const REQUEST_MS = 60_000;
const POLL_SECONDS = 10;
const PART = 256; // deliveries that enter a batch at once
const PART_SECONDS = 2; // so that it shows how far it is

export const line = { state: "idle", note: "" }; // idle, sending, away (no line), signed_out, other (somebody else's)
let failures = 0;
let timer = 0;
let running = false;
let again = false;

class Away extends Error {}

function say(state) {
  if (line.state === state) return;
  line.state = state;
  store.tell("line");
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      ...options,
      cache: "no-store",
      signal: AbortSignal.timeout(REQUEST_MS),
      headers: { "Accept-Language": LANGUAGE, Accept: "application/json", ...options.headers },
    });
  } catch {
    throw new Away();
  }
  let body = null;
  try {
    const text = await answer.text();
    body = text ? JSON.parse(text) : null;
  } catch {
    throw new Away(); // cut off, or not from the service: a hotel's sign-in page
  }
  return { status: answer.status, body };
}

// Whether the same request may succeed later: then it waits.
function passing({ status, body }) {
  return status >= 500 || status === 429 || status === 408 || status === 425 || body?.retryable === true;
}

function foreign({ status, body }) {
  return status >= 400 && typeof body?.code !== "string"; // not one of our refusals: some proxy's
}

async function session() {
  const answer = await ask("/api/v1/session");
  if (answer.status === 200 && answer.body?.account) return answer.body;
  if (answer.status === 401) return null;
  throw new Away();
}

// Starts sending, soon, unless it is being done already.
export function kick() {
  clearTimeout(timer);
  if (running) {
    again = true;
    return;
  }
  running = true;
  const work = () => run().catch(() => say("away"));
  const locked = navigator.locks
    ? navigator.locks.request("yuanliu-coop-send", { ifAvailable: true }, (lock) => (lock ? work() : later(2_000)))
    : work();
  Promise.resolve(locked).finally(() => {
    running = false;
    if (again) {
      again = false;
      kick();
    }
  });
}

function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(kick, ms);
}

const LIVE = new Set(["waiting", "sending", "accepted"]);

async function run() {
  let open = (await store.entries()).filter((each) => LIVE.has(each.state));
  if (!open.length) {
    say("idle");
    return;
  }
  try {
    const signed = await session();
    if (!signed) {
      say("signed_out");
      later(60_000);
      return;
    }
    const mine = open.filter((each) => each.account === signed.account.id);
    if (!mine.length) {
      say("other");
      later(60_000);
      return;
    }
    say("sending");
    for (const { id } of mine) {
      const went = await send(id, signed.csrf);
      if (went === "signed_out") {
        say("signed_out");
        later(60_000);
        return;
      }
      failures = 0;
    }
    open = (await store.entries()).filter((each) => LIVE.has(each.state) && each.account === signed.account.id);
    if (open.length) later(1_000);
    else say("idle");
    store.tell("sent");
  } catch (error) {
    if (!(error instanceof Away)) console.warn(error);
    failures += 1;
    say("away");
    later(WAIT_MS[Math.min(failures, WAIT_MS.length) - 1]);
  }
}

async function send(id, csrf) {
  let entry = await store.entry(id);
  if (!entry || !LIVE.has(entry.state)) return "gone";
  if (entry.state !== "accepted") {
    await store.change(id, { state: "sending", tried: true });
    const failed = await sendFiles(entry, csrf);
    if (failed) return failed;
    entry = await store.entry(id);
    const asked = {
      method: entry.method,
      body: JSON.stringify(filled(entry)),
      headers: {
        "Content-Type": "application/json",
        "Idempotency-Key": entry.id,
        "X-CSRF-Token": csrf,
        Prefer: entry.quick ? "respond-async" : `wait=${entry.body?.receipts?.length > PART ? PART_SECONDS : POLL_SECONDS}`,
      },
    };
    let answer = await ask(entry.path, asked);
    while (answer.body?.code === "batch.collecting") { // a large batch: the same request goes on where it is
      const { parts_done: done, parts } = answer.body.fields;
      await store.change(id, { note: words("collecting", { done, parts }) });
      answer = await ask(entry.path, asked);
    }
    const ended = await judged(entry, answer);
    if (ended) return ended;
    const intention = answer.body?.enrolment ?? answer.body;
    if (answer.status !== 202 || !intention?.id) {
      await settle(id, "done", { result: answer.body });
      return "done";
    }
    await store.change(id, { state: "accepted", intention: intention.id, result: answer.body });
    if (entry.quick) return "accepted";
  }
  return follow(id);
}

// Asks how an accepted entry fares, until it is settled: what comes after it may rest on it.
async function follow(id) {
  for (;;) {
    const entry = await store.entry(id);
    const answer = await ask(`/api/v1/intentions/${entry.intention}?wait=${POLL_SECONDS}`);
    if (answer.status === 401) return "signed_out";
    if (answer.status !== 200) throw new Away();
    const { state, error } = answer.body;
    if (state === "done") {
      await settle(id, "done", { result: { ...entry.result, ...answer.body } });
      return "done";
    }
    if (state === "failed" || state === "lapsed") {
      await settle(id, "refused", { problem: problem(state, error) });
      return "refused";
    }
  }
}

function problem(state, error) {
  return { code: error?.code ?? "outbox.lapsed", title: error?.message ?? state, hint: "", fields: error?.fields ?? {} };
}

async function judged(entry, answer) {
  if (answer.status < 300) return "";
  if (answer.status === 401 || answer.body?.code === "access.password_change_needed") {
    await store.change(entry.id, { state: "waiting" });
    return "signed_out";
  }
  if (answer.status === 403 && answer.body?.code?.startsWith("access.csrf")) {
    await store.change(entry.id, { state: "waiting" });
    throw new Away(); // the session changed under us: begin anew with its token
  }
  if (passing(answer) || foreign(answer)) {
    await store.change(entry.id, { state: "waiting", note: answer.body?.title ?? "" });
    throw new Away();
  }
  const { code, title, hint, detail, fields } = answer.body;
  await settle(entry.id, "refused", { problem: { code, title, hint, detail, fields } });
  return "refused";
}

function settle(id, state, values) {
  return store.change(id, { ...values, state, settled: Date.now(), note: "", ...(state === "done" ? { files: [], fields: null } : {}) });
}

// ------------------------------------------------------------------ photos and reports go first

async function sendFiles(entry, csrf) {
  for (const [place, file] of entry.files.entries()) {
    if (file.sha256) continue;
    const form = new FormData();
    form.append("file", new File([file.data], file.name, { type: file.type }));
    const answer = await ask("/api/v1/attachments", { method: "POST", body: form, headers: { "X-CSRF-Token": csrf } });
    const ended = await judged(entry, answer);
    if (ended) return ended;
    const files = (await store.entry(entry.id)).files;
    files[place] = { ...file, sha256: answer.body.sha256, data: null };
    await store.change(entry.id, { files });
  }
  return "";
}

// The body with the names of its files in their places.
function filled(entry) {
  const body = structuredClone(entry.body);
  for (const { sha256, target } of entry.files) {
    let at = body;
    for (const step of target.slice(0, -1)) at = at[step];
    const last = target.at(-1);
    if (Array.isArray(at[last])) at[last].push(sha256);
    else at[last] = sha256;
  }
  return body;
}

export function start() {
  if (!account && !document.querySelector("[data-queue-page]")) return;
  store.onTold((what) => { if (what === "queue" && !running) later(300); });
  addEventListener("online", () => { failures = 0; kick(); });
  addEventListener("offline", () => say("away"));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) kick(); });
  kick();
}
