// Figures that follow what is typed: net weight and sum of a delivery, the mass of a batch, how a price is shared.

import * as store from "./store.js";
import { RULES, wrongAt } from "./form.js";
import { account, chinese, decimal, fen, grams, jin, kilograms, make, say, written, yuan } from "./page.js";

const show = (form, name, text) => { for (const place of form.querySelectorAll(`[data-show="${name}"]`)) place.textContent = text; };
const SHARED_AFTER_MS = 350;

// ------------------------------------------------------------------ rules of fields

RULES.kg = (field) => (!field.value.trim() ? "" : grams(field.value) > 0 ? "" : say("rule_kg"));
RULES.kg0 = (field) => (!field.value.trim() || grams(field.value) !== null ? "" : say("rule_kg"));
RULES.yuan = (field) => (!field.value.trim() || fen(field.value) > 0 ? "" : say("rule_yuan"));
RULES.percent = (field) => { const bps = decimal(field.value, 2); return bps >= 1 && bps <= 20_000 ? "" : say("rule_percent"); };
RULES.whole = (field) => (!field.value.trim() || decimal(field.value, 0) > 0 ? "" : say("rule_whole"));
RULES.grams = (field) => (!field.value.trim() || decimal(field.value, 3) > 0 ? "" : say("rule_grams"));
RULES.most = (field) => RULES.whole(field) || (decimal(field.value, 0) > Number(field.dataset.most) ? say("rule_most", { n: field.dataset.most }) : "");
RULES.code = (field) => (/^[0-9A-Za-z][0-9A-Za-z._-]{0,15}$/.test(field.value.trim()) ? "" : say("rule_code"));
RULES.lot = (field) => {
  const lot = field.value.trim();
  if (!/^[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}$/.test(lot) || lot === "." || lot === "..") return say("rule_lot");
  const used = usedLots(field);
  field.dataset.better = used.has(lot) ? nextLot(lot, used) : "";
  return used.has(lot) ? say("rule_lot_used") : "";
};

// The lots that a product has already, and those that other rows of the form give it.
function usedLots(field) {
  const row = field.closest(".output");
  const told = row ? row.querySelector("[name=out_gtin]").selectedOptions[0]?.dataset.lots : field.form.dataset.lots;
  const others = [...field.form.querySelectorAll(".output [name=out_lot]")].filter((each) => each !== field);
  return new Set([...JSON.parse(told ?? "[]"), ...others.map((each) => each.value.trim())]);
}

// EGG20261122-009 → EGG20261122-010, or what follows and is free.
function nextLot(lot, used) {
  const [, stem, digits] = /^(.*?)(\d*)$/.exec(lot);
  for (let n = digits.length > 15 ? 1 : Number(digits) + 1; ; n += 1) {
    const number = String(n).padStart(digits.length || 1, "0");
    const next = digits && digits.length <= 15 ? stem + number : `${stem}${digits}`.slice(0, 16) + `-${n}`;
    if (next.length <= 20 && !used.has(next)) return next;
    if (next.length > 20) return "";
  }
}

// The service knows of a lot that this page does not: somebody else took it meanwhile.
function lotTaken(form, fields) {
  form.addEventListener("refused", ({ detail }) => {
    if (detail.code !== "contract.Batches_AlreadyRegistered") return;
    for (const field of fields()) {
      const lot = field.value.trim();
      field.dataset.better = nextLot(lot, new Set([...usedLots(field), lot]));
      wrongAt(field, say("rule_lot_used"));
    }
  });
}
RULES.farmer = (field) => {
  const code = field.value.trim().split(/\s/)[0];
  if (!code) return "";
  const known = [...(field.list?.options ?? [])].some((option) => option.value.split(/\s/)[0] === code);
  return known ? "" : say("rule_farmer");
};
RULES.tare = (field) => {
  if (RULES.kg0(field)) return RULES.kg0(field);
  const gross = grams(field.form.elements.gross.value);
  return gross !== null && field.value.trim() && grams(field.value) >= gross ? say("rule_tare") : "";
};
RULES.loss = (field) => (Number(field.value) >= 0 ? "" : say("rule_loss"));
RULES.number = (field) => (!field.value.trim() || /^[-−]?\d{1,6}(\.\d{1,6})?$/.test(field.value.trim()) ? "" : say("rule_number"));

// ------------------------------------------------------------------ a delivery

const DEVICE = () => 1 + Math.floor(Math.random() * 899) + 100;

async function nextReceipt() {
  const device = await store.kept("device", DEVICE);
  const now = new Date();
  const day = `${now.getFullYear()}${String(now.getMonth() + 1).padStart(2, "0")}${String(now.getDate()).padStart(2, "0")}`;
  const number = await store.count(`receipt-${day}`);
  return `${day}${String(device % 1000).padStart(3, "0")}${String(number).padStart(4, "0")}`;
}

function delivery(form) {
  const f = form.elements;
  const number = async () => { if (!f.receipt.value) { f.receipt.value = await nextReceipt(); show(form, "receipt", f.receipt.value); } };
  const draw = () => {
    const gross = grams(f.gross.value);
    const tare = f.tare.value.trim() ? grams(f.tare.value) : 0;
    const net = gross !== null && tare !== null && gross > tare ? gross - tare : null;
    const perKg = fen(f.price.value) === null ? null : fen(f.price.value) * (f.per.value === "jin" ? 2 : 1);
    const grade = decimal(f.grade.value, 2);
    show(form, "net", net === null ? "—" : `${kilograms(net)} · ${say("jin", { n: jin(net) })}`);
    show(form, "prices", perKg === null ? "—" : say("both_prices", { kg: written(perKg, 2, 2), jin: written(perKg * 5, 3, 2) }));
    show(form, "worth", net === null || perKg === null || grade === null ? "—" : yuan(Math.floor((net * perKg * grade) / 10_000_000)));
    show(form, "receipt", f.receipt.value);
  };
  const price = () => {
    const last = f.gtin.selectedOptions[0]?.dataset.price;
    if (last && !f.price.value) f.price.value = f.per.value === "jin" ? written(Number(last) * 5, 3, 2) : written(Number(last), 2, 2);
  };
  f.gtin.addEventListener("change", () => { f.price.value = ""; price(); draw(); });
  form.addEventListener("input", draw);
  form.addEventListener("change", draw);
  for (const event of ["ready", "filled"]) form.addEventListener(event, () => { price(); number(); draw(); });
  form.addEventListener("renewed", () => { f.receipt.value = ""; price(); number(); draw(); });
  form.addEventListener("refused", (event) => { // another delivery has this number: the next one is taken
    if (event.detail.code === "contract.Deliveries_ReceiptTaken") { f.receipt.value = ""; number(); }
  });
  waitingFarmers(f.farmer);
  total(form);
  store.onTold((what) => { if (what === "queue") { total(form); waitingFarmers(f.farmer); } });
}

// Farmers who are enrolled on this device, but not sent yet, can be chosen already.
async function waitingFarmers(field) {
  const list = field.list;
  const known = new Set([...list.options].map((option) => option.value.split(/\s/)[0]));
  for (const entry of await store.entries()) {
    const code = entry.act === "farmer" && entry.account === account && entry.state !== "refused" ? entry.body.code : "";
    if (code && !known.has(code)) list.append(make("option", { value: `${code} ${entry.body.display_name}` }));
  }
}

// What was handed in on this device today, sent or not.
async function total(form) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const mine = (await store.entries()).filter((each) => each.act === "book" && each.created >= midnight && each.account === account && each.state !== "refused");
  let mass = 0;
  let worth = 0;
  for (const { body } of mine) {
    for (const each of body.deliveries) {
      mass += each.grams;
      worth += Math.floor((each.grams * each.price_per_kg.fen * each.grade_bps) / 10_000_000);
    }
  }
  show(form, "today", say("today", { n: mine.length, kg: written(mass, 3), yuan: yuan(worth) }));
}

// ------------------------------------------------------------------ how a price is shared

// Asks the service, whose arithmetic is the contract's; the answer is told in words.
function sharing(form, terms, price) {
  let last = "";
  let timer = 0;
  const ask = async () => {
    const [number, text] = [terms(), price()];
    const amount = fen(text);
    const wanted = `${number} ${amount}`;
    if (!number || !amount || wanted === last) return;
    last = wanted;
    const place = form.querySelector("[data-show=sharing]");
    try {
      const answer = await fetch(`/api/v1/terms/${number}/sharing?price=${written(amount, 2, 2).replace(/,/g, "")}`, { headers: { "Accept-Language": chinese ? "zh" : "en" } });
      const told = await answer.json();
      if (wanted !== last) return;
      place.textContent = answer.ok
        ? say("sharing", { amount: told.amount.yuan, farmers: told.farmers.yuan, cooperative: told.cooperative.yuan, platform: told.platform.yuan, floor: told.floor.yuan })
        : [told.title, told.hint].join(" · ");
      place.classList.toggle("error", !answer.ok);
    } catch {
      last = "";
      place.textContent = say("sharing_away");
    }
  };
  return () => { clearTimeout(timer); timer = setTimeout(ask, SHARED_AFTER_MS); };
}

// ------------------------------------------------------------------ a batch

function batch(form) {
  const f = form.elements;
  const chosen = () => [...form.querySelectorAll("[name=receipts]:checked")];
  const share = sharing(form, () => chosen()[0]?.dataset.terms ?? form.dataset.terms, () => f.price.value);
  const draw = () => {
    const picked = chosen();
    const mass = picked.reduce((sum, box) => sum + Number(box.dataset.grams), 0) * 1_000;
    const units = decimal(f.units.value, 0);
    const each = decimal(f.unit_grams.value, 3);
    const loss = units === null || each === null ? null : mass - units * each;
    f.loss_mg.value = loss === null ? "" : String(loss);
    show(form, "mass", `${kilograms(mass / 1_000)} · ${say("chosen", { n: picked.length })}`);
    show(form, "packed", units === null || each === null ? "—" : kilograms((units * each) / 1_000));
    show(form, "loss", loss === null ? "—" : loss < 0 ? say("loss_short", { kg: written(-loss / 1_000, 3) }) : kilograms(loss / 1_000));
    form.querySelector("[data-show=loss]").classList.toggle("error", loss !== null && loss < 0);
    form.querySelector("[data-show=most]").textContent = each ? say("most_units", { n: Math.floor(mass / each) }) : "";
    const terms = picked[0]?.dataset.terms;
    for (const box of form.querySelectorAll("[name=receipts]")) {
      const other = Boolean(terms) && box.dataset.terms !== terms;
      box.disabled = other;
      box.closest("label").classList.toggle("off", box.disabled);
    }
    share();
  };
  const most = Number(form.dataset.most);
  RULES.chosen = () => (!chosen().length ? say("rule_chosen") : chosen().length > most ? say("at_most_receipts", { n: most }) : "");
  RULES.units = (field) => RULES.whole(field) || (Number(f.loss_mg.value) < 0 ? say("rule_loss") : "");
  form.querySelector("[data-all]")?.addEventListener("click", () => {
    const boxes = [...form.querySelectorAll("[name=receipts]")];
    const terms = boxes[0]?.dataset.terms;
    for (const box of boxes) if (box.dataset.terms === terms) box.checked = true;
    form.dispatchEvent(new Event("input"));
  });
  lotTaken(form, () => [f.lot]);
  f.gtin.addEventListener("change", () => location.assign(`/coop/batches/new?gtin=${f.gtin.value}`));
  for (const event of ["input", "change", "ready", "filled", "renewed"]) form.addEventListener(event, draw);
}

function price(form) {
  const f = form.elements;
  const share = sharing(form, () => form.dataset.terms, () => f.price.value);
  for (const event of ["input", "ready", "filled"]) form.addEventListener(event, share);
}

// ------------------------------------------------------------------ a transformation

function transformation(form) {
  const outputs = form.querySelector("[data-outputs]");
  const f = form.elements;
  const draw = () => {
    let mass = 0;
    for (const box of form.querySelectorAll("[name=input]")) {
      const units = form.querySelector(`[name="units-${box.value}"]`);
      units.disabled = !box.checked;
      units.required = box.checked;
      if (box.checked) mass += (decimal(units.value, 0) ?? 0) * Number(box.dataset.mg);
    }
    let made = 0;
    for (const row of outputs.children) {
      const [units, each] = ["out_units", "out_grams"].map((name) => row.querySelector(`[name=${name}]`).value);
      made += (decimal(units, 0) ?? 0) * (decimal(each, 3) ?? 0);
    }
    f.loss_mg.value = String(mass - made);
    show(form, "mass", kilograms(mass / 1_000));
    show(form, "packed", kilograms(made / 1_000));
    show(form, "loss", mass < made ? say("loss_short", { kg: written((made - mass) / 1_000, 3) }) : kilograms((mass - made) / 1_000));
    form.querySelector("[data-show=loss]").classList.toggle("error", mass < made);
  };
  RULES.out = (field) => RULES.whole(field) || (Number(f.loss_mg.value) < 0 ? say("rule_loss") : "");
  lotTaken(form, () => (outputs.children.length === 1 ? [outputs.querySelector("[name=out_lot]")] : [])); // of several the refusal does not say which
  RULES.inputs = () => (form.querySelector("[name=input]:checked") ? "" : say("rule_inputs"));
  const suggest = (row) => {
    const gtin = row.querySelector("[name=out_gtin]");
    const lot = row.querySelector("[name=out_lot]");
    const [name, used] = [gtin.selectedOptions[0]?.dataset.lot ?? "", usedLots(lot)];
    lot.value = used.has(name) ? nextLot(name, used) : name;
  };
  form.querySelector("[data-add]").addEventListener("click", () => {
    const row = form.querySelector("template[data-output]").content.firstElementChild.cloneNode(true);
    const n = outputs.children.length + 1;
    for (const each of row.querySelectorAll("[id]")) each.id += `-${n}`;
    for (const each of row.querySelectorAll("[for]")) each.htmlFor += `-${n}`;
    for (const each of row.querySelectorAll("[aria-describedby]")) each.setAttribute("aria-describedby", each.getAttribute("aria-describedby").split(" ").map((id) => `${id}-${n}`).join(" "));
    row.querySelector("[data-n]").textContent = n;
    outputs.append(row);
    suggest(row);
    draw();
  });
  outputs.addEventListener("change", (event) => { if (event.target.name === "out_gtin") suggest(event.target.closest("fieldset")); });
  outputs.addEventListener("click", (event) => {
    if (event.target.closest("[data-remove]") && outputs.children.length > 1) { event.target.closest("fieldset").remove(); draw(); }
  });
  form.querySelector("[data-add]").click();
  for (const event of ["input", "change", "ready", "filled", "renewed"]) form.addEventListener(event, draw);
}

// ------------------------------------------------------------------ an inspection

function inspection(form) {
  const rows = form.querySelector("[data-outputs]");
  form.querySelector("[data-add]").addEventListener("click", () => {
    const row = form.querySelector("template[data-output]").content.firstElementChild.cloneNode(true);
    const n = rows.children.length + 1;
    for (const each of row.querySelectorAll("[id]")) each.id += `-${n}`;
    for (const each of row.querySelectorAll("[for]")) each.htmlFor += `-${n}`;
    for (const each of row.querySelectorAll("[aria-describedby]")) each.setAttribute("aria-describedby", each.getAttribute("aria-describedby").split(" ").map((id) => `${id}-${n}`).join(" "));
    row.querySelector("[data-n]").textContent = n;
    rows.append(row);
  });
  rows.addEventListener("click", (event) => {
    if (event.target.closest("[data-remove]") && rows.children.length > 1) event.target.closest("fieldset").remove();
  });
  RULES.found = (field) => {
    if (RULES.number(field)) return RULES.number(field);
    const row = field.closest("fieldset");
    const [value, least] = ["value", "detection_limit"].map((name) => row.querySelector(`[name=${name}]`).value.trim());
    return field.name === "value" && !value && !least ? say("rule_found") : "";
  };
  form.querySelector("[data-add]").click();
}

const FORMS = { book: delivery, register: batch, transform: transformation, price, inspection };

export function start(form) { FORMS[form.dataset.act]?.(form); }
