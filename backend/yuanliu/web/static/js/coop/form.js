// Forms: checked here, kept as drafts, and put into the queue. What the service refuses comes back to the field.

import * as store from "./store.js";
import { kick } from "./send.js";
import { BODIES, TARGETS, fieldsOf } from "./bodies.js";
import { Unusable, prepared } from "./photo.js";
import { readable } from "./now.js";
import { account, make, newKey, say } from "./page.js";
import { stateText, refusal } from "./told.js";

const SAVED_AFTER_MS = 250;

// Gives the texts of a form; names that occur several times are lists.
export function valuesOf(form) {
  const values = {};
  for (const [name, value] of new FormData(form)) {
    if (value instanceof File) continue;
    if (name in values) values[name] = [values[name]].flat().concat(value);
    else values[name] = form.querySelectorAll(`[name="${CSS.escape(name)}"]:not([type=radio])`).length > 1 ? [value] : value;
  }
  return values;
}

function fill(form, values) {
  for (const [name, value] of Object.entries(values ?? {})) {
    const fields = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)].filter((each) => each.type !== "file");
    const list = [value].flat();
    fields.forEach((field, n) => {
      if (field.type === "checkbox" || field.type === "radio") field.checked = list.includes(field.value);
      else if (list[n] !== undefined && !(field.tagName === "SELECT" && ![...field.options].some((o) => o.value === list[n]))) field.value = list[n];
    });
  }
  form.dispatchEvent(new Event("filled"));
}

// ------------------------------------------------------------------ what is wrong

export function wrong(form, name, text) {
  const box = form.querySelector(`[data-field="${CSS.escape(name)}"]`);
  if (box) wrongIn(box, text);
}

export const wrongAt = (field, text) => wrongIn(field.closest("[data-field]"), text);

function wrongIn(box, text) {
  box.classList.toggle("field-wrong", Boolean(text));
  const error = box.querySelector(".error");
  if (error) error.replaceChildren(text);
  const field = box.querySelector("[data-better]");
  if (error && text && field?.dataset.better) error.append(" ", better(field));
  for (const field of box.querySelectorAll("input, select, textarea")) {
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

// A button that takes what is proposed instead of what is wrong.
function better(field) {
  const button = make("button", { type: "button", class: "button-quiet" }, say("take_instead", { text: field.dataset.better }));
  button.addEventListener("click", () => {
    field.value = field.dataset.better;
    field.dataset.better = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
  return button;
}

function clear(form) {
  for (const box of form.querySelectorAll("[data-field]")) wrongIn(box, "");
}

// Says beside each field what would be right; gives whether all is.
export function check(form) {
  clear(form);
  let first = null;
  const fields = [...form.elements].filter((each) => each.willValidate);
  for (const field of fields) {
    const custom = field.dataset.rule ? RULES[field.dataset.rule]?.(field) : "";
    field.setCustomValidity(custom || "");
    if (field.checkValidity()) continue;
    const box = field.closest("[data-field]");
    const text = custom || box?.dataset.right || (field.validity.valueMissing ? say("fill_in") : say("not_right"));
    if (box) wrongIn(box, text);
    first ??= field;
  }
  first?.focus();
  return !first;
}

export const RULES = {};

export function shown(form, problem) {
  clear(form);
  const text = [problem.title, problem.hint].filter(Boolean).join(" · ");
  const names = fieldsOf(problem).filter((name) => name && form.querySelector(`[data-field="${CSS.escape(name)}"]`));
  for (const name of names) wrong(form, name, text);
  form.querySelector(".field-wrong")?.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  form.dispatchEvent(new CustomEvent("refused", { detail: problem }));
}

// ------------------------------------------------------------------ one form

export async function wire(form) {
  const draft = form.dataset.draft || location.pathname;
  const status = form.querySelector("[data-status]");
  const button = form.querySelector("[type=submit]");
  const photos = new Map(); // name of the input → prepared files
  let key = newKey();
  let replaces = "";
  let following = "";
  let made = "";
  let finished = "";

  const again = new URLSearchParams(location.search).get("again");
  const before = again ? await store.entry(again) : null;
  if (before && before.state === "refused" && before.account === account) {
    replaces = before.id;
    fill(form, before.fields);
    restore(before.files);
    form.dispatchEvent(new Event("ready"));
    shown(form, before.problem);
    status.replaceChildren(refusal(before.problem));
  } else {
    const kept = await store.draft(draft);
    if (kept && kept.account === account && !form.hasAttribute("data-fresh")) {
      key = kept.key;
      fill(form, kept.values);
      restore(kept.files);
    }
    form.dispatchEvent(new Event("ready"));
  }
  button.disabled = false;
  form.dataset.ready = "";

  function restore(files) {
    for (const file of files ?? []) if (file.data) photos.set(file.input, [...(photos.get(file.input) ?? []), file]);
    showPhotos();
  }

  function showPhotos() {
    for (const list of form.querySelectorAll("[data-photos]")) {
      const files = photos.get(list.dataset.photos) ?? [];
      list.replaceChildren(
        ...files.map((file, n) => {
          const remove = make("button", { type: "button", class: "button-quiet" }, say("remove"));
          remove.addEventListener("click", () => { files.splice(n, 1); showPhotos(); save(); });
          const image = file.type.startsWith("image/") ? make("img", { alt: say("photo_n", { n: n + 1 }), width: 96 }) : make("span", {}, file.name);
          if (image.tagName === "IMG") image.src = URL.createObjectURL(new Blob([file.data], { type: file.type }));
          return make("li", {}, image, remove);
        }),
      );
      const input = form.querySelector(`[name="${list.dataset.photos}"]`);
      input.required = input.hasAttribute("data-needed") && !files.length;
    }
  }

  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", async () => {
      wrong(form, input.name, "");
      for (const file of input.files) {
        try {
          const done = await prepared(file, { documents: input.name === "report" });
          const kept = input.multiple ? photos.get(input.name) ?? [] : [];
          if (kept.length < 6) photos.set(input.name, [...kept, { ...done, input: input.name }]);
        } catch (error) {
          if (!(error instanceof Unusable)) throw error;
          wrong(form, input.name, say(error.message));
        }
      }
      input.value = "";
      showPhotos();
      save();
    });
  }

  let saving = 0;
  function save() {
    clearTimeout(saving);
    saving = setTimeout(keep, SAVED_AFTER_MS);
  }
  function keep() {
    clearTimeout(saving);
    saving = 0;
    if (following || form.hasAttribute("data-fresh")) return;
    store.saveDraft({ form: draft, account, key, values: valuesOf(form), files: [...photos.values()].flat(), saved: Date.now() });
  }
  form.addEventListener("input", save);
  form.addEventListener("change", save);
  form.addEventListener("input", (event) => { // what is being corrected is not wrong any more
    const box = event.target.closest?.("[data-field].field-wrong");
    if (box) wrongIn(box, "");
  });
  addEventListener("pagehide", () => { if (saving) keep(); });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (following || form.dataset.busy) return; // a second click
    if (!check(form)) return;
    form.dataset.busy = "";
    clearTimeout(saving);
    saving = 0;
    const fields = valuesOf(form);
    if (photos.get("picture_new")?.length) fields.picture_type = "image/jpeg";
    const body = BODIES[form.dataset.act](fields);
    if (fields.secret) form.elements.secret.value = fields.secret; // the same one if it has to be sent anew
    const files = [...photos.values()].flat().map((file) => ({ ...file, target: TARGETS[file.input]() }));
    const [path, method] = [form.dataset.path, form.dataset.method || "POST"];
    const title = titled(form, fields);
    const print = JSON.stringify([path, method, fields, files.length]);
    const entry = {
      id: key, account, act: form.dataset.act, title, page: form.dataset.page || location.pathname, fields, path, method,
      body, files, print, state: "waiting", created: Date.now(), tried: false, note: "", quick: false,
      after: form.dataset.after || "",
    };
    let put = await store.add(entry, { draft, replaces });
    if (put.other) { // this name was used for something else, in another tab
      key = entry.id = newKey();
      put = await store.add(entry, { draft, replaces });
    }
    following = entry.id;
    made = fields.secret ?? "";
    delete form.dataset.busy;
    button.disabled = true;
    follow();
    kick();
  });

  async function follow() {
    if (!following) return;
    const entry = await store.entry(following);
    if (!entry) return renew();
    if (entry.state === "refused") {
      replaces = entry.id;
      following = "";
      key = newKey();
      button.disabled = false;
      status.replaceChildren(refusal(entry.problem));
      shown(form, entry.problem);
      return;
    }
    const next = make("button", { type: "button", class: "button-quiet" }, form.dataset.next || say("next"));
    next.addEventListener("click", renew);
    if (entry.state === "done" && finished === entry.id) return;
    const row = make("div", { class: "row" }, form.hasAttribute("data-once") ? null : next);
    status.replaceChildren(stateText(entry, { made }), row);
    if (entry.state !== "done") return;
    finished = entry.id;
    const links = resultLinks(form, entry);
    const block = entry.result?.block ?? entry.result?.enrolment?.block ?? 0;
    if (links.length && await readable(block, () => following === entry.id)) row.prepend(...links);
  }

  function renew() {
    following = made = replaces = "";
    key = newKey();
    photos.clear();
    form.reset();
    if (form.elements.secret) form.elements.secret.value = "";
    clear(form);
    showPhotos();
    status.replaceChildren();
    button.disabled = false;
    form.dispatchEvent(new Event("renewed"));
    form.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  }

  store.onTold((what) => { if (what === "queue" || what === "line") follow(); });
}

function titled(form, fields) {
  return (form.dataset.title || "").replace(/\{([\w-]+)\}/g, (whole, name) => [fields[name] ?? ""].flat().join(", "));
}

// Links to go on with, once the thing is on the record.
function resultLinks(form, entry) {
  return [...form.querySelectorAll("template[data-link]")].map((template) => {
    const href = template.dataset.link.replace(/\{(\w+)\}/g, (whole, name) => encodeURIComponent([entry.links?.[name] ?? entry.body?.[name] ?? entry.body?.deliveries?.[0]?.[name] ?? ""].flat()[0]));
    return make("a", { class: "button", href }, template.dataset.text);
  });
}
