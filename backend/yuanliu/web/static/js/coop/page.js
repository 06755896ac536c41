// What the page says to its scripts: who is signed in, the words, where things are.

const told = JSON.parse(document.getElementById("known").textContent);

export const account = told.account;
export const login = told.login;
export const warm = told.warm;
export const chinese = document.documentElement.lang.startsWith("zh");

// Gives a text with its places filled.
export function say(key, values = {}) {
  const text = told.words[key];
  if (text === undefined) throw new Error(`no such text: ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// Makes an element; texts are texts, whatever stands in them.
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// 128 random bits as text: the name of an intention.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";

// A password for one use, of 99 bits, that can be read aloud.
export function oneTimePassword() {
  const signs = [];
  while (signs.length < 20) {
    const [value] = crypto.getRandomValues(new Uint8Array(1));
    if (value < LETTERS.length * 8) signs.push(LETTERS[value % LETTERS.length]); // each letter as likely as the other
  }
  return signs.join("").match(/.{5}/g).join("-");
}

// How long ago, in words.
export function ago(time) {
  const minutes = Math.floor((Date.now() - time) / 60_000);
  if (minutes < 1) return say("just_now");
  if (minutes < 60) return say("minutes_ago", { n: minutes });
  if (minutes < 1440) return say("hours_ago", { n: Math.floor(minutes / 60) });
  return say("days_ago", { n: Math.floor(minutes / 1440) });
}

// ------------------------------------------------------------------ numbers as people write them

const plain = (text) => text.normalize("NFKC").replace(/[\s,，¥元]/g, "");

// Reads a decimal number as whole thousandths, hundredths, …; null for what is none.
export function decimal(text, places) {
  const found = /^(\d{1,12})(?:\.(\d+))?$/.exec(plain(text));
  if (!found) return null;
  const rest = (found[2] ?? "").replace(/0+$/, "");
  if (rest.length > places) return null;
  return Number(found[1]) * 10 ** places + Number(rest.padEnd(places, "0") || 0);
}

export const grams = (text) => decimal(text, 3);
export const fen = (text) => decimal(text, 2);

// Writes a whole number of parts as a decimal: 61500 thousandths → 61.5.
export function written(value, places, least = 0) {
  const digits = String(Math.abs(value)).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, ",");
  let rest = places ? digits.slice(-places) : "";
  while (rest.length > least && rest.endsWith("0")) rest = rest.slice(0, -1);
  return `${value < 0 ? "−" : ""}${whole}${rest ? `.${rest}` : ""}`;
}

export const yuan = (value) => `¥${written(value, 2, 2)}`;
export const kilograms = (value) => `${written(value, 3)} kg`;
export const jin = (value) => written(value * 2, 3);

// The moment with the offset of this place: 2026-04-12T08:30:00+08:00.
export function moment(date = new Date()) {
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const two = (n) => String(Math.floor(Math.abs(n))).padStart(2, "0");
  return `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(Math.abs(offset) % 60)}`;
}
