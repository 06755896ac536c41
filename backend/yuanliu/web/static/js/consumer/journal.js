// Whether records are a batch's whole history, in order and unaltered; if not, where they differ.
// The twin of backend/yuanliu/journal.py: the same faults in the same order, from the same vectors.
// Heads and ids are lowercase hex without 0x, numbers and positions count from 0.
(function (yuanliu) {
  'use strict';

  const NO_HEAD = '0'.repeat(64);
  const { hex, unhex, word, joined, ascii } = yuanliu;
  const hashed = async (...parts) => hex(await yuanliu.sha256(joined(...parts)));

  async function batchId(cooperative, gtin, lot) {
    const padded = new Uint8Array(20);
    padded.set(ascii(lot).subarray(0, 20));
    return hashed(unhex(cooperative), word(gtin, 8), padded);
  }

  const genesis = (chainId, contract, batch) =>
    hashed(ascii('yuanliu.journal.v1'), word(chainId, 32), unhex(contract), unhex(batch));

  const nextHead = async (head, record) => hashed(unhex(head), await yuanliu.sha256(record));

  // entries: [{previous, record}]; `previous` proves nothing, it helps to tell where a history differs.
  // `step` hears how many records were hashed.
  async function check(entries, { head, chainId, contract, batch, step = () => {} }) {
    const start = await genesis(chainId, contract, batch);
    let found = start;
    for (const [i, entry] of entries.entries()) {
      found = await nextHead(found, entry.record);
      await step(i + 1);
    }
    let faults = [];
    if (head === NO_HEAD) faults.push({ kind: 'unknown_batch' });
    else if (found !== head) faults = await locate(entries, start, head);
    const decoded = await contents(entries, batch, faults);
    return { faults, head: found, decoded };
  }

  // Backwards from the chain's head each step is proven: what hashes to a proven head is genuine, and so is the head
  // before it. Forwards from the start the steps are only consistent, as anyone can write records.
  async function locate(entries, start, end) {
    const heads = [];
    for (const entry of entries) heads.push(await nextHead(entry.previous, entry.record));
    const byHead = new Map(heads.map((head, i) => [head, i]).reverse());
    const proven = [];
    while (end !== start && byHead.has(end)) {
      proven.unshift(byHead.get(end));
      end = entries[proven[0]].previous;
    }
    if (end === start) return misplaced(entries, proven);
    const left = entries.map((_, i) => i).filter((i) => !proven.includes(i));
    const byPrevious = new Map(left.map((i) => [entries[i].previous, i]).reverse());
    const consistent = [];
    while (byPrevious.has(start)) {
      const next = byPrevious.get(start);
      byPrevious.delete(start);
      consistent.push(next);
      start = heads[next];
    }
    const gap = { kind: 'changed_or_missing' };
    if (consistent.length) gap.number = consistent.length - 1;
    if (proven.length) gap.position = proven[0];
    if (consistent.length) gap.at = consistent[consistent.length - 1];
    return [gap, ...misplaced(entries, [...consistent, ...proven])];
  }

  // Name what stands elsewhere than in `order`, and what has no place in it.
  function misplaced(entries, order) {
    const numbers = new Map(order.map((position, number) => [position, number]));
    const name = (entry) => entry.previous + hex(entry.record);
    const known = new Set(order.map((position) => name(entries[position])));
    const faults = [];
    let highest = -1;
    for (const [position, entry] of entries.entries()) {
      const number = numbers.get(position);
      if (number === undefined) {
        faults.push({ kind: known.has(name(entry)) ? 'repeated' : 'unconnected', position });
      } else if (number < highest) {
        faults.push({ kind: 'out_of_order', number, position });
      } else {
        highest = number;
      }
    }
    return faults;
  }

  // Read every record. Times are compared only where the order is the chain's.
  async function contents(entries, batch, faults) {
    const ordered = !faults.length;
    const decoded = [];
    let before = 0n;
    for (const [position, entry] of entries.entries()) {
      let record = null;
      try {
        record = yuanliu.decode(entry.record);
      } catch (error) {
        faults.push({ kind: 'undecodable', position, code: error.code });
      }
      decoded.push(record);
      if (!record) continue;
      if (ordered && record.time < before) faults.push({ kind: 'time_backwards', position });
      before = record.time;
      const { gtin, lot } = record.body;
      if (lot !== undefined && (await batchId(record.actor, gtin, lot)) !== batch) {
        faults.push({ kind: 'other_batch', position });
      }
    }
    return decoded;
  }

  Object.assign(yuanliu, { NO_HEAD, batchId, genesis, nextHead, check });
})(globalThis.yuanliu = globalThis.yuanliu || {});
