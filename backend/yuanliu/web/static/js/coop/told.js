// What is said of an entry of the queue: how far it is, or why it was refused, with the values that disagree.

import { ago, make, say, yuan } from "./page.js";
import { line } from "./send.js";

export function stateOf(entry) {
  if (entry.state === "done") return "done";
  if (entry.state === "refused") return "refused";
  if (entry.state === "accepted") return "accepted";
  if (entry.state === "sending" && line.state === "sending") return "sending";
  return line.state === "signed_out" || line.state === "other" ? line.state : "waiting";
}

const KINDS = { done: "good", refused: "bad", accepted: "wait", sending: "wait", waiting: "wait", signed_out: "wait", other: "wait" };

export function badge(entry) {
  const state = stateOf(entry);
  return make("span", { class: `badge badge-${KINDS[state]}` }, say(`state_${state}`));
}

// A notice about an entry that was just handed in.
export function stateText(entry, { made = "" } = {}) {
  const state = stateOf(entry);
  const box = make("div", { class: `notice notice-${KINDS[state]}` }, make("p", { class: "notice-title" }, say(`title_${state}`)));
  const text = say(`text_${state}`);
  if (text.trim() !== "-") box.append(make("p", {}, text));
  if (entry.note) box.append(make("p", { class: "small" }, entry.note));
  if (state === "signed_out") box.append(signIn());
  const secret = made || entry.body?.one_time_password;
  if (state === "done" && entry.act === "farmer" && secret) box.append(make("p", {}, say("one_time", { login: entry.body.login }), " ", make("code", { class: "secret" }, secret)));
  return box;
}

export function signIn() {
  return make("p", {}, make("a", { class: "button", href: `/coop/sign-in?next=${encodeURIComponent(location.pathname)}` }, say("sign_in")));
}

const MONEY = { price: "value_price", floorPerUnit: "value_floor", floor: "value_floor" };

// The values that disagree, as far as people have words for them.
function values(fields) {
  const rows = [];
  for (const name of ["seen", "current", "wanted"]) if (fields[`${name}_yuan`]) rows.push([say(`value_${name}`), `¥${fields[`${name}_yuan`]}`]);
  for (const [name, words] of Object.entries(MONEY)) if (Number.isSafeInteger(fields[name])) rows.push([say(words), yuan(fields[name])]);
  if (fields.suggestion) rows.push([say("value_suggestion"), fields.suggestion]);
  return rows;
}

export function refusal(problem) {
  const box = make("div", { class: "notice notice-wait refusal", role: "alert" }, make("p", { class: "notice-title" }, problem.title || say("title_refused")));
  if (problem.hint) box.append(make("p", {}, problem.hint));
  const rows = values(problem.fields ?? {});
  if (rows.length) box.append(make("dl", { class: "facts" }, ...rows.map(([label, value]) => make("div", {}, make("dt", {}, label), make("dd", {}, value)))));
  return box;
}

export function aged(entry) {
  return ago(entry.state === "done" ? entry.settled : entry.created);
}
