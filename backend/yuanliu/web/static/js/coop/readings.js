// What a temperature logger wrote out is read by the service and shown; what is confirmed goes into the queue, under a key
// that follows from the batch and the readings: the same readings are never handed in twice.

import * as store from "./store.js";
import { kick } from "./send.js";
import { RULES, check, wrong } from "./form.js";
import { read } from "./sheets.js";
import { account, make, say } from "./page.js";

RULES.device = (field) => (!field.value.trim() || /^[!-~]{1,40}$/.test(field.value.trim()) ? "" : say("rule_device"));

const figure = (text) => text.trim().replace("−", "-") || null;

async function preview(form) {
  const place = document.querySelector("[data-preview]");
  place.replaceChildren();
  if (!check(form)) return;
  const { lower, upper } = form.elements;
  if (figure(lower.value) !== null && figure(upper.value) !== null && Number(figure(lower.value)) >= Number(figure(upper.value))) {
    return void wrong(form, "upper", say("rule_limits"));
  }
  const told = await read(form, "readings");
  if (!told) return;
  if (told.faults.length) place.replaceChildren(faulty(told));
  else place.replaceChildren(...ready(form, told));
  place.scrollIntoView?.({ block: "nearest" });
}

// Rows that cannot be read: none is left out unseen, so the file has to be mended first.
function faulty(told) {
  const rows = told.faults.map((fault) => make("tr", {}, make("td", { class: "number" }, String(fault.row)), make("td", {}, fault.title), make("td", {}, fault.hint)));
  const head = make("tr", {}, make("th", { scope: "col", class: "number" }, say("row")), make("th", { scope: "col" }, say("wrong")), make("th", { scope: "col" }, say("right")));
  const table = make("table", {}, make("caption", {}, say("readings_faulty", { n: told.faults.length })), make("thead", {}, head), make("tbody", {}, ...rows));
  return make("div", { class: "table-box wraps", tabindex: "0", role: "region", "aria-label": say("preview_label") }, table);
}

function ready(form, told) {
  const [first, last] = [told.readings[0], told.readings.at(-1)].map((each) => each.time.slice(0, 16).replace("T", " "));
  const facts = [["readings_count", told.readings.length], ["readings_from", first], ["readings_to", last], ["readings_lowest", `${told.minimum} °C`], ["readings_highest", `${told.maximum} °C`]];
  const [lower, upper] = [form.elements.lower, form.elements.upper].map((field) => figure(field.value));
  if (lower !== null || upper !== null) {
    const beyond = told.readings.filter((each) => (lower !== null && Number(each.celsius) < Number(lower)) || (upper !== null && Number(each.celsius) > Number(upper)));
    facts.push(["readings_beyond", beyond.length]);
  }
  const list = make("dl", { class: "facts" }, ...facts.map(([key, text]) => make("div", {}, make("dt", {}, say(key)), make("dd", {}, String(text)))));
  const button = make("button", { type: "button" }, say("readings_take", { n: told.readings.length }));
  const status = make("div", { class: "status", role: "status" });
  const body = { place: form.elements.place.value.trim(), device: form.elements.device.value.trim(), readings: told.readings, lower_limit: lower, upper_limit: upper };
  button.addEventListener("click", async () => {
    button.disabled = true;
    const path = form.dataset.path;
    await store.add({
      id: `readings-${path.split("/").at(-2).slice(2, 34)}-${told.digest.slice(0, 32)}`, account, act: "readings", title: `${form.dataset.lot} · ${body.device} · ${body.readings.length}`,
      page: "", fields: null, path, method: "POST", body, files: [], print: JSON.stringify([path, body.place, body.device, lower, upper]),
      state: "waiting", created: Date.now(), tried: false, note: "", quick: false, after: "",
    });
    kick();
    const links = [["see_waiting", "/coop/waiting"], ["to_batch", form.dataset.back]].map(([key, href]) => make("a", { class: "button button-quiet", href }, say(key)));
    status.replaceChildren(make("div", { class: "notice notice-good" }, make("p", { class: "notice-title" }, say("taken", { n: 1 }))), make("p", { class: "row" }, ...links));
  });
  return [make("h2", {}, say("readings_read")), list, make("p", { class: "row" }, button), status];
}

export function start() {
  const form = document.querySelector("form[data-readings]");
  if (!form) return;
  form.addEventListener("submit", (event) => { event.preventDefault(); preview(form); });
  form.querySelector("[type=submit]").disabled = false;
  form.dataset.ready = "";
}
