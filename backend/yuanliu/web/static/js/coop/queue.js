// What waits, on every page as a badge, and on its own page as a list.

import * as store from "./store.js";
import { kick, line } from "./send.js";
import { account, make, say } from "./page.js";
import { aged, badge, refusal, signIn } from "./told.js";

const LIVE = new Set(["waiting", "sending", "accepted"]);

function summary(found) {
  const live = found.filter((each) => LIVE.has(each.state)).length;
  const refused = found.filter((each) => each.state === "refused").length;
  return { live, refused };
}

let touched = false;
let outdated = false;
for (const kind of ["input", "pointerdown", "keydown"]) addEventListener(kind, () => { touched = true; }, { capture: true, once: true });

// The service answered after all, and otherwise than the page shows: nobody who has begun is disturbed.
export function newer() {
  if (!touched) location.reload();
  outdated = true;
  mark();
}

async function mark() {
  const found = await store.entries();
  const { live, refused } = summary(found);
  for (const place of document.querySelectorAll("[data-queue-badge]")) {
    place.hidden = !live && !refused;
    place.textContent = refused ? say("badge_refused", { n: refused }) : say("badge_waiting", { n: live });
    place.classList.toggle("badge-bad", Boolean(refused));
    place.classList.toggle("badge-wait", !refused);
  }
  const banner = document.querySelector("[data-line]");
  if (banner) {
    const atOnce = document.querySelector("[data-now], [data-sign]"); // nothing of such forms is kept
    const text = !navigator.onLine || (line.state === "away" && live) ? (atOnce ? say("line_away_now") : say("line_away")) : line.state === "signed_out" && live ? say("line_signed_out", { n: live }) : line.state === "other" && live ? say("line_other") : outdated ? say("line_outdated") : "";
    banner.hidden = !text;
    banner.replaceChildren(text);
    if (line.state === "signed_out" && live) banner.append(" ", make("a", { href: `/coop/sign-in?next=${encodeURIComponent(location.pathname + location.search)}` }, say("sign_in")));
    else if (outdated && text === say("line_outdated")) banner.append(" ", make("a", { href: location.href }, say("line_renew")));
  }
}

function item(entry) {
  const row = make("li", { class: "card entry", "data-entry": entry.id, "data-state": entry.state });
  row.append(make("div", { class: "spread" }, make("strong", {}, entry.title || entry.act), badge(entry)));
  row.append(make("p", { class: "small" }, `${say(`act_${entry.act}`)} · ${aged(entry)}`));
  if (entry.note) row.append(make("p", { class: "small" }, entry.note));
  if (entry.state === "refused") row.append(refusal(entry.problem));
  if (entry.state === "done" && entry.act === "farmer" && entry.body?.one_time_password) {
    row.append(make("p", {}, say("one_time", { login: entry.body.login }), " ", make("code", { class: "secret" }, entry.body.one_time_password)));
  }
  const actions = make("div", { class: "row" });
  if (entry.state === "refused" && entry.page && (!account || entry.account === account)) actions.append(make("a", { class: "button", href: `${entry.page}?again=${encodeURIComponent(entry.id)}` }, say("correct")));
  if (entry.state === "refused" || entry.state === "done" || (entry.state === "waiting" && !entry.tried)) {
    const words = entry.state === "done" ? "forget" : "delete";
    const button = make("button", { type: "button", class: "button-quiet" }, say(words), make("span", { class: "sr" }, ` ${entry.title}`));
    let sure = entry.state === "done";
    button.addEventListener("click", () => {
      if (sure) return void store.drop(entry.id);
      sure = true;
      button.textContent = say("delete_sure");
    });
    actions.append(button);
  }
  if (actions.childNodes.length) row.append(actions);
  return row;
}

async function list(place) {
  const found = await store.entries();
  const groups = [
    ["refused", found.filter((each) => each.state === "refused")],
    ["waiting", found.filter((each) => LIVE.has(each.state))],
    ["done", found.filter((each) => each.state === "done").reverse()],
  ];
  const parts = groups.filter(([, entries]) => entries.length).map(([name, entries]) => {
    const heading = make("h2", {}, `${say(`group_${name}`)} (${entries.length})`);
    return make("section", { class: "group" }, heading, make("ul", { class: "entries" }, ...entries.map(item)));
  });
  if (!parts.length) parts.push(make("p", { class: "empty" }, say("nothing_waits")));
  if (line.state === "signed_out") parts.unshift(signIn());
  place.replaceChildren(...parts);
}

export async function start() {
  const place = document.querySelector("[data-queue-list]");
  const draw = async () => {
    await mark();
    if (place && !place.contains(document.activeElement?.closest?.("button"))) await list(place);
    else if (place) {
      await list(place);
    }
  };
  store.onTold(draw);
  addEventListener("online", draw);
  addEventListener("offline", draw);
  setInterval(draw, 60_000);
  document.querySelector("[data-send-now]")?.addEventListener("click", kick);
  await store.tidy();
  await draw();
}
