// A spreadsheet is shown before anything is done; each row that the clerk confirms goes into the queue under the key
// that follows from what it says, so that the same row is never booked twice.

import * as store from "./store.js";
import { kick } from "./send.js";
import { account, chinese, make, oneTimePassword, say } from "./page.js";
import { wrong } from "./form.js";

// Have the service read the form's file as such a sheet; what it told, or null where the form now says what is wrong.
export async function read(form, sheet) {
  const status = form.querySelector("[data-status]");
  status.replaceChildren(make("p", { class: "small" }, say("reading")));
  let answer;
  let told;
  try {
    const headers = { "Accept-Language": chinese ? "zh" : "en", Accept: "application/json" };
    const { csrf } = await (await fetch("/api/v1/session", { headers, cache: "no-store" })).json();
    const body = new FormData();
    body.append("file", form.elements.file.files[0]);
    answer = await fetch(`/api/v1/sheets/${sheet}`, { method: "POST", body, headers: { ...headers, "X-CSRF-Token": csrf ?? "" } });
    told = await answer.json();
  } catch {
    status.replaceChildren(make("p", { class: "error", role: "alert" }, say("line_needed")));
    return null;
  }
  status.replaceChildren();
  if (!answer.ok) {
    const missing = told.fields?.[chinese ? "missing_zh" : "missing_en"];
    wrong(form, "file", [told.title, missing?.join("、"), told.hint].filter(Boolean).join(" · "));
    return null;
  }
  return told;
}

async function preview(form) {
  const place = document.querySelector("[data-preview]");
  const file = form.elements.file.files[0];
  wrong(form, "file", file ? "" : say("choose_file"));
  place.replaceChildren();
  if (!file) return;
  const told = await read(form, form.dataset.sheet);
  if (told) show(place, told, JSON.parse(form.dataset.columns));
}

function show(place, told, columns) {
  const boxes = [];
  const rows = told.rows.map((row) => {
    const by = new Map(row.faults.map((fault) => [fault.column, fault]));
    const box = make("input", { type: "checkbox", "aria-label": say("row_n", { n: row.row }), checked: Boolean(row.body), disabled: !row.body });
    boxes.push([box, row]);
    const cells = columns.map(([key]) => {
      const fault = by.get(key);
      const cell = make("td", fault ? { class: "faulty" } : {}, row.texts[key] || (fault ? "—" : ""));
      if (fault) cell.append(make("p", { class: "error" }, `${fault.title} · ${fault.hint}`));
      return cell;
    });
    const state = row.done ? say("row_done") : row.faults.length ? say("row_faulty") : say("row_ready");
    return make("tr", {}, make("td", {}, box), make("td", { class: "number" }, String(row.row)), ...cells, make("td", {}, make("span", { class: `badge badge-${row.done ? "good" : row.faults.length ? "wait" : "plain"}` }, state)));
  });
  const head = make("tr", {}, make("th", { scope: "col" }, say("take")), make("th", { scope: "col", class: "number" }, say("row")), ...columns.map(([, words]) => make("th", { scope: "col" }, words)), make("th", { scope: "col" }, say("state")));
  const caption = say("preview", { ready: told.ready, faulty: told.faulty, done: told.done });
  const table = make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...rows));
  const button = make("button", { type: "button" }, say("take_rows", { n: told.ready }));
  const count = () => {
    const n = boxes.filter(([box]) => box.checked).length;
    button.textContent = say("take_rows", { n });
    button.disabled = !n;
  };
  for (const [box] of boxes) box.addEventListener("change", count);
  button.addEventListener("click", async () => {
    button.disabled = true;
    let taken = 0;
    for (const [box, row] of boxes) {
      if (!box.checked) continue;
      await take(told.sheet, row);
      box.checked = false;
      box.disabled = true;
      taken += 1;
    }
    kick();
    const link = make("a", { class: "button", href: "/coop/waiting" }, say("see_waiting"));
    place.prepend(make("div", { class: "notice notice-good", role: "status" }, make("p", { class: "notice-title" }, say("taken", { n: taken })), link));
    place.querySelector("a").focus();
  });
  count();
  const region = make("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": say("preview_label") }, table);
  place.replaceChildren(region, make("p", { class: "row" }, button));
  place.scrollIntoView?.({ block: "nearest" });
}

function take(sheet, row) {
  const farmer = sheet === "farmers";
  const body = farmer ? { ...row.body, one_time_password: oneTimePassword() } : row.body;
  const title = farmer ? `${row.texts.code} ${row.texts.name ?? ""}`.trim() : `${row.texts.farmer} · ${row.texts.gross} kg · ${row.texts.receipt}`;
  return store.add({
    id: row.key, account, act: farmer ? "farmer" : "book", title, page: "", fields: null, path: row.path, method: "POST", body,
    files: [], print: JSON.stringify([row.path, row.body]), state: "waiting", created: Date.now(), tried: false, note: "", quick: true, after: "",
  });
}

export function start() {
  const form = document.querySelector("form[data-sheet]");
  if (!form) return;
  form.addEventListener("submit", (event) => { event.preventDefault(); preview(form); });
  form.querySelector("[type=submit]").disabled = false;
  form.dataset.ready = "";
}
