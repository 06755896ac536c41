// Signing in and out, a new password, a new key, a new PIN for a farmer: these need the line and are done at once.

import * as store from "./store.js";
import { make, newKey, say } from "./page.js";
import { call, carriedOut, refused, session } from "./now.js";
import { check, wrong } from "./form.js";

const ACTS = {
  "sign-in": async (form) => {
    const signIn = () => call("/api/v1/session", "POST", { login: form.elements.login.value.trim(), password: form.elements.password.value });
    let answer = await signIn();
    if (answer.body?.code === "accounts.recovery_ready") { // the seven days are over, and nobody put the new key in force
      await call(`/api/v1/actors/${answer.body.fields.actor}/recovery/completion`, "POST");
      answer = await signIn();
    }
    if (answer.status !== 201) return refused(form, answer);
    location.assign(answer.body.account.must_change_password ? "/coop/password" : form.dataset.following);
  },
  password: async (form) => {
    const { old, fresh, repeated } = form.elements;
    if (fresh.value !== repeated.value) return void wrong(form, "repeated", say("passwords_differ"));
    const { csrf } = await session();
    const answer = await call("/api/v1/session/password", "PUT", { old: old.value, new: fresh.value }, csrf);
    if (answer.status === 204) return void location.assign("/coop");
    refused(form, answer);
  },
  key: async (form) => {
    const status = form.querySelector("[data-status]");
    status.replaceChildren(make("p", { class: "small" }, say("under_way")));
    const body = { password: form.elements.password.value };
    let answer = await carriedOut("/api/v1/session/key", body, newKey());
    if (answer.status === 201 && !answer.body.adopted) answer = await carriedOut("/api/v1/session/key", body, newKey()); // on the record now
    if (answer.status === 201) return void location.assign("/coop/sign-in?why=key"); // the sessions of the old key are over
    refused(form, answer);
  },
};

// Signs out, after telling what still waits; what was seen is forgotten, what waits is not.
async function signOut(button) {
  const waiting = (await store.entries()).filter((each) => ["waiting", "sending", "accepted"].includes(each.state)).length;
  if (waiting && !button.dataset.sure) {
    button.dataset.sure = "1";
    button.textContent = say("sign_out_sure", { n: waiting });
    return;
  }
  const { csrf } = (await session()) ?? {};
  if (csrf) await call("/api/v1/session", "DELETE", null, csrf);
  await globalThis.caches?.delete("coop-pages"); // before anybody else can open one
  navigator.serviceWorker?.controller?.postMessage({ forget: true });
  location.assign("/coop/sign-in");
}

async function givePin(button) {
  button.disabled = true;
  const { csrf } = (await session()) ?? {};
  const answer = await call(`/api/v1/farmers/${button.dataset.pin}/pin`, "POST", null, csrf);
  const place = document.getElementById(button.dataset.place);
  button.disabled = false;
  if (answer.status !== 201) return void place.replaceChildren(make("span", { class: "error" }, [answer.body?.title, answer.body?.hint].filter(Boolean).join(" · ")));
  place.replaceChildren(say("pin_is"), " ", make("code", { class: "secret" }, answer.body.one_time_pin), " ", make("span", { class: "small" }, say("pin_once")));
}

export function start() {
  for (const form of document.querySelectorAll("form[data-sign]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("[type=submit]");
      if (button.disabled || !check(form)) return;
      button.disabled = true;
      await ACTS[form.dataset.sign](form);
      button.disabled = false;
    });
    form.querySelector("[type=submit]").disabled = false;
    form.dataset.ready = "";
  }
  for (const button of document.querySelectorAll("[data-sign-out], [data-pin], [data-print], [data-send-now], [data-slip-away]")) button.disabled = false;
  for (const button of document.querySelectorAll("[data-sign-out]")) button.addEventListener("click", () => signOut(button));
  for (const button of document.querySelectorAll("[data-pin]")) button.addEventListener("click", () => givePin(button));
  for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());
}
