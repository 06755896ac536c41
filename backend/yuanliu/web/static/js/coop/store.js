// What this device keeps: the queue of what is to be sent, drafts of forms, and a few figures. One database for all tabs.

const NAME = "yuanliu-coop";
const STORES = { queue: "id", drafts: "form", meta: "key" };
let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      for (const [name, keyPath] of Object.entries(STORES)) asked.result.createObjectStore(name, { keyPath });
    };
    asked.onsuccess = () => {
      asked.result.onversionchange = () => asked.result.close();
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

// Runs `work` in one transaction; gives what it gave once that is committed.
async function within(names, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(names, mode, mode === "readwrite" ? { durability: "strict" } : {});
    let result;
    transaction.oncomplete = () => resolve(result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
    work(transaction, (value) => { result = value; });
  });
}

function all(name) {
  return within([name], "readonly", (t, give) => {
    t.objectStore(name).getAll().onsuccess = (e) => give(e.target.result);
  });
}

function one(name, key) {
  return within([name], "readonly", (t, give) => {
    t.objectStore(name).get(key).onsuccess = (e) => give(e.target.result);
  });
}

const channel = "BroadcastChannel" in self ? new BroadcastChannel("yuanliu-coop") : null;
const listeners = new Set();
if (channel) channel.onmessage = (e) => listeners.forEach((hear) => hear(e.data));

// Tells this tab and the others that something changed.
export function tell(what) {
  listeners.forEach((hear) => hear(what));
  channel?.postMessage(what);
}

export function onTold(hear) { listeners.add(hear); }

// ------------------------------------------------------------------ queue

// Puts an entry into the queue, once: the same id with the same body stays as it is. One with another body, or one that
// was refused, is given back as `other`. The draft it came from goes in the same commit. `replaces`: a refused one.
export async function add(entry, { draft = "", replaces = "" } = {}) {
  const answer = await within(["queue", "drafts", "meta"], "readwrite", (t, give) => {
    const queue = t.objectStore("queue");
    queue.get(entry.id).onsuccess = (e) => {
      const before = e.target.result;
      if (before) {
        give({ added: false, other: before.print !== entry.print });
        return;
      }
      const meta = t.objectStore("meta");
      meta.get("order").onsuccess = (m) => {
        const order = (m.target.result?.value ?? 0) + 1;
        meta.put({ key: "order", value: order });
        queue.add({ ...entry, order });
      };
      if (draft) t.objectStore("drafts").delete(draft);
      if (replaces) queue.delete(replaces);
      give({ added: true, other: false });
    };
  });
  tell("queue");
  return answer;
}

export async function entries() {
  const found = await all("queue");
  return found.sort((a, b) => a.order - b.order);
}

export const entry = (id) => one("queue", id);

// Changes an entry that is still there.
export async function change(id, values) {
  await within(["queue"], "readwrite", (t) => {
    const queue = t.objectStore("queue");
    queue.get(id).onsuccess = (e) => {
      if (e.target.result) queue.put({ ...e.target.result, ...values });
    };
  });
  tell("queue");
}

// Takes an entry away, unless it is on its way: what may have arrived must be known first.
export async function drop(id) {
  await within(["queue"], "readwrite", (t) => {
    const queue = t.objectStore("queue");
    queue.get(id).onsuccess = (e) => {
      const found = e.target.result;
      if (found && !(found.state === "sending" || found.state === "accepted" || (found.state === "waiting" && found.tried))) queue.delete(id);
    };
  });
  tell("queue");
}

const KEPT_DAYS = 7;

// Forgets what has been on the record for a week.
export async function tidy() {
  const limit = Date.now() - KEPT_DAYS * 86_400_000;
  await within(["queue"], "readwrite", (t) => {
    const queue = t.objectStore("queue");
    queue.getAll().onsuccess = (e) => {
      for (const each of e.target.result) if (each.state === "done" && each.settled < limit) queue.delete(each.id);
    };
  });
}

// ------------------------------------------------------------------ drafts, figures

export const draft = (form) => one("drafts", form);
export const saveDraft = (value) => within(["drafts"], "readwrite", (t) => { t.objectStore("drafts").put(value); });
export const dropDraft = (form) => within(["drafts"], "readwrite", (t) => { t.objectStore("drafts").delete(form); });

// Gives the next of a row of numbers, never the same twice on this device.
export function count(key) {
  return within(["meta"], "readwrite", (t, give) => {
    const meta = t.objectStore("meta");
    meta.get(key).onsuccess = (e) => {
      const value = (e.target.result?.value ?? 0) + 1;
      meta.put({ key, value });
      give(value);
    };
  });
}

// Gives what is kept under a key; keeps `make()` if there is nothing yet.
export function kept(key, make) {
  return within(["meta"], "readwrite", (t, give) => {
    const meta = t.objectStore("meta");
    meta.get(key).onsuccess = (e) => {
      if (e.target.result) give(e.target.result.value);
      else {
        const value = make();
        meta.put({ key, value });
        give(value);
      }
    };
  });
}
