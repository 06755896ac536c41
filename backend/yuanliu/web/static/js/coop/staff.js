// Who works here: new accounts, new passwords, shut and dismissed ones. A password is shown once, and kept nowhere.

import { RULES, check, shown } from "./form.js";
import { carriedOut, readable, refused } from "./now.js";
import { make, newKey, oneTimePassword, say } from "./page.js";

RULES.login = (field) => (/^[\p{L}\p{N}._@-]{3,64}$/u.test(field.value.trim()) ? "" : say("rule_login"));

// What each form asks for, and what becomes of the page once it is done.
const ACTS = {
  employ: {
    body: (form) => ({ login: form.elements.login.value.trim(), kind: "clerk", display_name: form.elements.name.value.trim(), one_time_password: secretOf(form) }),
    done: (form, answer) => slip(answer),
  },
  recover: { body: (form) => ({ one_time_password: secretOf(form) }), done: (form, answer) => slip(answer) },
  change: { body: () => null, done: async (form, { block }) => { await readable(block); location.reload(); } },
};

// The same password however often the form is sent: so it stays the same account, and the same new key.
function secretOf(form) {
  form.secret ??= oneTimePassword();
  return form.secret;
}

// Shows a one-time password on a slip of paper to be handed over; the list is made anew once it is put away.
function slip({ body: { account, one_time_password: password }, block }) {
  const place = document.querySelector("[data-slip]");
  place.dataset.block = block;
  const values = { name: account.display_name, login: account.login, password, where: `${location.origin}/coop` };
  for (const each of place.querySelectorAll("[data-fill]")) each.textContent = values[each.dataset.fill];
  for (const each of document.querySelectorAll("[data-beside-slip]")) each.hidden = true;
  place.hidden = false;
  place.querySelector("h1").focus();
}

async function wire(form) {
  const act = ACTS[form.dataset.now];
  const button = form.querySelector("[type=submit]");
  const status = form.querySelector("[data-status]");
  let [key, print] = ["", ""];
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled || !check(form)) return;
    button.disabled = true;
    const body = act.body(form);
    if (!key || JSON.stringify(body) !== print) [key, print] = [newKey(), JSON.stringify(body)];
    status.replaceChildren(make("p", { class: "small" }, say("under_way")));
    const answer = await carriedOut(form.dataset.path, body, key);
    if (answer.status >= 200 && answer.status < 300) {
      status.replaceChildren();
      return void (await act.done(form, answer));
    }
    if (answer.status >= 400 && answer.status < 500) key = ""; // what was refused is asked for anew
    button.disabled = false;
    refused(form, answer);
    shown(form, answer.body);
  });
  button.disabled = false;
  form.dataset.ready = "";
}

export async function start() {
  for (const form of document.querySelectorAll("form[data-now]")) wire(form);
  const place = document.querySelector("[data-slip]");
  if (!place) return;
  const away = place.querySelector("[data-slip-away]");
  away.addEventListener("click", async () => {
    away.disabled = true;
    await readable(Number(place.dataset.block));
    location.reload();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // who goes back sees no password again
}
