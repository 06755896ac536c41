// What signed calls say, in the very form in which the logs that they leave say it. The twin of backend/yuanliu/audit/words.py.
// An act is {tag, who, content, sure}: `who` is the signer where the log names him, else the actor he stands for; `sure`:
// of a call that succeeded there must be a log, of a log there must be a call. Contents are hex without 0x.
// What a contract adds of its own (time, numbers it gives, terms in force, shares) is left out; other rules judge it.
(function (yuanliu) {
  'use strict';

  const { Malformed } = yuanliu;
  const { address, wordAt, numberAt, bytesAt, hashed } = yuanliu.words;

  const KINDS = ['', 'collected', 'registered', 'derived', 'consumed', 'production', 'inspection', 'logistics', 'readings',
    'corrected', 'priced', 'sold', 'offered', 'accepted', 'refused', 'withdrawn', 'released', 'recalled', 'recall_lifted'];
  const ENTRY = 35; // bytes
  const PARENT = 40;
  const TERMS = Array(7).fill(32);

  // ------------------------------------------------------------------ logs

  const bytes = (hex, from, to) => hex.slice(2 * from, to === undefined ? undefined : 2 * to);
  const countIn = (hex) => (hex ? parseInt(hex, 16) : 0);

  function counted(receipts) {
    return receipts.length.toString(16).padStart(4, '0') + receipts.join('');
  }

  function receiptsOf(entries) {
    const found = [];
    for (let at = 0; at < entries.length / 2; at += ENTRY) found.push(bytes(entries, at, at + 8));
    return counted(found);
  }

  // What the author of a record said in it: its batch, and of its body what the contract did not add.
  function ofRecord(kind, batch, body) {
    return batch.slice(2) + saidIn(kind, body);
  }

  function saidIn(kind, body) {
    switch (kind) {
      case 'sold': return bytes(body, 0, 76);
      case 'registered': {
        const rest = bytes(body, 66), size = ENTRY * countIn(bytes(body, 64, 66));
        return bytes(body, 0, 28) + bytes(body, 32, 64) + receiptsOf(bytes(rest, 0, size)) + bytes(rest, size);
      }
      case 'derived': {
        const size = PARENT * countIn(bytes(body, 60, 62));
        return bytes(body, 0, 28) + bytes(body, 32, 44) + bytes(body, 48, 60) + bytes(body, 62 + size);
      }
      case 'collected': return receiptsOf(bytes(body, 2));
      case 'consumed': case 'offered': return bytes(body, 4);
      default: return body;
    }
  }

  // ------------------------------------------------------------------ calls

  // Words from number `first` on: of each so many bytes at its right, or at its left if the size is negative.
  function joined(data, first, sizes) {
    return sizes.map((size, i) => {
      const word = wordAt(data, first + i).slice(2);
      return size > 0 ? word.slice(64 - 2 * size) : word.slice(0, -2 * size);
    }).join('');
  }

  // What begins at the offset that stands in word number `index`.
  const at = (data, index) => `0x${data.slice(2 + 2 * Number(numberAt(data, index, 32)))}`;
  const after = (data) => `0x${data.slice(66)}`;

  function wordsAt(data, index) {
    const listed = at(data, index), count = Number(numberAt(listed, 0, 32));
    if (64 * (count + 1) > listed.length) throw new Malformed('the call ends within a list');
    return Array.from({ length: count }, (_, i) => wordAt(listed, 1 + i).slice(2));
  }

  // Give `make(i)` for each of a list's items; the list begins with their number.
  const each = (listed, make) => Array.from({ length: Number(numberAt(listed, 0, 16)) }, (_, i) => make(i));

  class Said {
    // `actorOf` gives whom a key stands for, or stood for when it was retired.
    constructor(contracts, selectors, actorOf) {
      this.actorOf = actorOf;
      const act = (tag, who, content, sure = true) => ({ tag, who, content, sure });
      const byActor = (tag, ...sizes) => (signer, data) => [act(tag, actorOf(signer), joined(data, 0, sizes))];
      const withReason = (tag) => (signer, data) => [act(tag, actorOf(signer), joined(data, 0, [20]) + bytesAt(data, 1))];
      const record = (tag, sizes, last) => (signer, data) => [
        act(tag, signer, joined(data, 0, [32, ...sizes]) + (last === undefined ? '' : bytesAt(data, last)))];
      const pay = (signer, data) => {
        const order = at(data, 0), lines = at(order, 2), head = joined(order, 0, [32, 20]);
        return each(lines, (i) => act('sold', signer, joined(lines, 1 + 3 * i, [32]) + head + joined(lines, 2 + 3 * i, [8, 16])));
      };
      const reads = {
        Actors: {
          enrol: (signer, data) => [act('enrolled', signer, joined(data, 0, [20, 2, -16]))],
          appointClerk: byActor('clerk', 20), dismissClerk: byActor('clerk dismissed', 20), rotateKey: byActor('key', 20),
          redirectPayout: byActor('payout', 20), proposeRecovery: byActor('recovery', 20, 20),
          cancelRecovery: byActor('recovery cancelled', 20), suspend: withReason('suspended'), reinstate: withReason('reinstated'),
        },
        Catalogue: {
          listToken: byActor('token', 20, 1), listProduct: byActor('product', 8, 20, -3),
          publishTerms: byActor('terms', 8, ...TERMS), setTermsAuthority: byActor('terms authority', 20, 20),
        },
        Deliveries: {
          book: (signer, data) => {
            const listed = at(data, 0);
            return each(listed, (i) => act('delivery', signer, joined(listed, 1 + 6 * i, [8, 20, 8, 5, 2, 12])));
          },
          voidDelivery: (signer, data) => [act('delivery voided', signer, joined(data, 0, [8]) + bytesAt(data, 1))],
        },
        Batches: {
          collect: (signer, data) => [act('collected', signer, this.batch(signer, data) + this.receipts(data, 2))],
          register: (signer, data) => {
            const said = joined(data, 0, [8, -20, 8, 4, 8, 12]);
            return [act('registered', signer, this.batch(signer, data) + said + this.receipts(data, 6) + bytesAt(data, 7))];
          },
          transform: (signer, data) => {
            const inputs = at(data, 0), outputs = at(data, 1);
            const used = each(inputs, (i) => act('consumed', signer, joined(inputs, 1 + 2 * i, [32, 8])));
            const made = each(outputs, (i) => {
              const output = at(after(outputs), i);
              const said = joined(output, 0, [8, -20, 8, 4, 12]) + bytesAt(output, 5);
              return act('derived', signer, this.batch(signer, output) + said);
            });
            return [...used, ...made];
          },
          record: (signer, data) => {
            const tag = KINDS[Number(numberAt(data, 1, 8))];
            if (!tag) throw new Malformed('an unknown kind of record');
            return [act(tag, signer, joined(data, 0, [32]) + bytesAt(data, 2))];
          },
          inspect: record('inspection', [1], 2), anchor: record('readings', [32, 4], 3), correct: record('corrected', [32, 32], 3),
          setPrice: record('priced', [12]), offer: record('offered', [20, 8]), accept: record('accepted', [4]),
          refuse: record('refused', [4], 2), withdraw: record('withdrawn', [4]), release: record('released', [], 1),
          recall: record('recalled', [], 1), liftRecall: record('recall_lifted', [], 1),
        },
        Payments: {
          pay, payWithPermit: pay,
          payWithAuthorization: (_, data) => pay(address(wordAt(data, 1)), data),
          // Of a step by which nothing is due there is no log.
          claimTo: (signer, data) => {
            const to = joined(data, 0, [20]), steps = at(data, 1);
            return each(steps, (i) => act('claimed', actorOf(signer), to + joined(at(after(steps), i), 0, [32, 32]), false));
          },
          withdrawTo: (_, data) => [act('withdrawn to', '', joined(data, 0, [20, 20]))],
        },
      };
      this.reads = new Map(Object.entries(reads).flatMap(([name, functions]) => Object.entries(functions)
        .map(([function_, read]) => [contracts[name] + selectors[`${name}.${function_}`], read])));
    }

    // The acts that a call says, if it succeeded. Throws Malformed for one that cannot have.
    of(signer, to, data) {
      const read = this.reads.get(to + data.slice(0, 8));
      return read ? read(signer, `0x${data.slice(8)}`) : [];
    }

    // The id of the lot of the signer's cooperative that the first two words name.
    batch(signer, data) {
      numberAt(data, 0, 64);
      return signer ? hashed(this.actorOf(signer), joined(data, 0, [8]), joined(data, 1, [-20])).slice(2) : '';
    }

    receipts(data, index) { return counted(wordsAt(data, index).map((word) => word.slice(48))); }
  }

  // ------------------------------------------------------------------ what differs

  const BEFORE = 8;
  const SHOWN = 40;

  // Two contents from just before the first byte that differs.
  function difference(signed, logged) {
    const same = (place) => bytes(signed, place, place + 1) === bytes(logged, place, place + 1);
    let place = 0;
    while (2 * place < Math.min(signed.length, logged.length) && same(place)) place++;
    const start = Math.max(place - BEFORE, 0);
    return [signed, logged].map((content) => readable(bytes(content, start, start + SHOWN)));
  }

  function readable(hex) {
    const text = yuanliu.text(yuanliu.words.raw(hex));
    return `…${hex && /^[^\p{C}\ufffd]+$/u.test(text) ? text : hex}…`;
  }

  const isRecord = (tag) => KINDS.includes(tag);

  Object.assign(yuanliu, { KINDS, Said, ofRecord, isRecord, difference });
})(globalThis.yuanliu = globalThis.yuanliu || {});
