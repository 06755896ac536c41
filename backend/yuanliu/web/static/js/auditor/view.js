// What of the history is looked at: a batch, a cooperative's batches, or all; with everything that they were made from.
(function (yuanliu) {
  'use strict';

  const { NOBODY, Malformed } = yuanliu;

  // Read what a person asks for: nothing (all), a batch's id, a lot's link (`/01/…/10/…`, GTIN/lot), or a cooperative's
  // address or code. Throws Malformed for a link that is none.
  function readScope(text) {
    const said = text.trim();
    if (!said) return { kind: 'all' };
    if (/^0x[0-9a-f]{64}$/i.test(said)) return { kind: 'batch', id: said.toLowerCase() };
    if (/^0x[0-9a-f]{40}$/i.test(said)) return { kind: 'cooperative', address: said.toLowerCase() };
    const link = /(?:^|\/)01\/(\d{8,14})\/10\/([^/?#]+)/.exec(said) || /^(\d{8,14})\s*\/\s*([^/?#\s]+)$/.exec(said)
      || /^\(01\)(\d{14})\(10\)(\S+)$/.exec(said);
    if (link) {
      let lot;
      try { lot = decodeURIComponent(link[2]); } catch { throw new Malformed('lot'); }
      return { kind: 'lot', gtin: BigInt(link[1]), lot };
    }
    if (/^0x|\/|\s/.test(said) || said.length > 16) throw new Malformed('scope');
    return { kind: 'cooperative', code: said };
  }

  function targets(scene, scope) {
    const listed = [...scene.batches];
    const of = (test) => listed.filter(([id, batch]) => test(batch, id)).map(([id]) => id);
    const codeOf = (actor) => { const known = scene.actors.get(actor); return known ? known.text : ''; };
    switch (scope.kind) {
      case 'batch': return of((_, id) => id === scope.id);
      case 'lot': return of((batch) => batch.gtin === scope.gtin && batch.lot === scope.lot);
      case 'cooperative':
        return of(({ cooperative }) => cooperative !== NOBODY
          && (scope.address ? cooperative === scope.address : codeOf(cooperative) === scope.code));
      default: return of(() => true);
    }
  }

  class View {
    constructor(scene, scope) {
      this.scene = scene;
      this.isAll = scope.kind === 'all';
      this.targets = targets(scene, scope);
      this.things = new Set();
      this.batches = [];
      const todo = this.targets.slice();
      while (todo.length) {
        const id = todo.pop(), batch = scene.batches.get(id);
        if (!batch || this.things.has(id)) continue;
        this.things.add(id);
        this.batches.push(id);
        todo.push(...batch.parents);
        this.add(batch);
      }
      this.tokens = new Set(this.batches.map((id) => scene.tokenOf(scene.batches.get(id))));
      this.transactions = new Set(scene.transactions.filter((each) => this.concerns(each)).map((each) => each.transaction));
    }

    add(batch) {
      const { scene } = this;
      const terms = scene.terms.get(batch.terms);
      this.things.add(`terms ${batch.terms}`);
      if (batch.gtin !== null) this.things.add(`product ${batch.gtin}`);
      for (const { receipt, farmer } of batch.entries) {
        this.things.add(`delivery ${batch.cooperative}:${receipt}`);
        this.actor(farmer);
      }
      for (const actor of [batch.cooperative, ...batch.authors]) this.actor(actor);
      if (terms) for (const actor of [terms.cooperativePayee, terms.platformPayee]) this.actor(actor);
    }

    // An actor, and who enrolled him, up to the founders.
    actor(address) {
      for (let at = address; !this.things.has(`actor ${at}`);) {
        this.things.add(`actor ${at}`);
        const known = this.scene.actors.get(at);
        if (!known) return;
        at = known.enroller;
      }
    }

    has(name) { return this.isAll || this.things.has(name); }

    // Whether a transaction is about something in view.
    concerns({ subjects }) {
      return this.isAll || [...subjects].some((each) => this.things.has(each));
    }

    // Whether a finding is: it names a batch, a transaction, an actor or a token in view, or none at all.
    holds({ batch, transaction, actor, token }) {
      if (this.isAll) return true;
      if (batch) return this.things.has(batch);
      if (transaction) return this.transactions.has(transaction);
      if (actor) return this.things.has(`actor ${actor}`);
      return !token || this.tokens.has(token);
    }
  }

  // ------------------------------------------------------------------ who is due what

  // Each pool's receipts if all money still on its way from products made of it had arrived; by batch.
  function wholeReceipts(scene) {
    const children = new Map(), found = new Map();
    for (const [key, listed] of scene.chunks) {
      const id = key.slice(0, 66), chunk = Number(key.slice(67));
      listed.forEach(([member, weight], place) => {
        if (member.length === 42) return;
        if (!children.has(member)) children.set(member, []);
        children.get(member).push({ id, weight, index: chunk * 256 + place, chunk });
      });
    }
    const whole = (id) => {
      if (found.has(id)) return found.get(id);
      const batch = scene.batches.get(id);
      found.set(id, batch.received); // nothing is made from itself; a lying history must not turn in circles
      let sum = batch.received;
      for (const child of children.get(id) || []) {
        const made = scene.batches.get(child.id);
        if (!made || made.farmer) continue;
        const claimed = scene.claimed.get(`${child.id}:${child.index}`) || 0n;
        const settled = scene.settled.get(`${child.id}:${child.chunk}`) || 0n;
        const before = claimed > settled ? claimed : settled;
        sum += yuanliu.due(whole(child.id), child.weight, made.weight) - yuanliu.due(before, child.weight, made.weight);
      }
      found.set(id, sum);
      return sum;
    };
    for (const id of scene.batches.keys()) whole(id);
    return found;
  }

  // Of the batches in view: what each farmer delivered, is due in all, and was paid or credited.
  function farmers(scene, view) {
    const whole = wholeReceipts(scene), rows = new Map();
    const row = (address, token) => {
      const key = `${address} ${token}`;
      if (!rows.has(key)) {
        const known = scene.actors.get(address);
        rows.set(key, { address, token, code: known ? known.text : '', grams: 0n, due: 0n, paid: 0n });
      }
      return rows.get(key);
    };
    const inView = new Set(view.batches);
    for (const id of view.batches) {
      const batch = scene.batches.get(id), token = scene.tokenOf(batch);
      for (const { farmer, grams } of batch.entries) row(farmer, token).grams += grams;
      if (batch.farmer) {
        const one = row(batch.farmer, token);
        one.due += batch.direct;
        one.paid += batch.direct;
      }
      if (batch.farmer || !batch.weight) continue;
      for (let chunk = 0; chunk < batch.chunks; chunk++) {
        for (const [member, weight] of scene.chunks.get(`${id}:${chunk}`) || []) {
          const parent = member.length === 42 ? null : scene.batches.get(member);
          const farmer = parent ? parent.farmer : member.length === 42 ? member : '';
          if (farmer) row(farmer, token).due += yuanliu.due(whole.get(id), weight, batch.weight);
        }
      }
    }
    for (const { batch, farmer, amount } of scene.payouts) {
      if (inView.has(batch)) row(farmer, scene.tokenOf(scene.batches.get(batch))).paid += amount;
    }
    return [...rows.values()].sort((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : a.address < b.address ? -1 : 1));
  }

  const viewOf = (scene, scope) => new View(scene, scope);

  Object.assign(yuanliu, { readScope, viewOf, farmers });
})(globalThis.yuanliu = globalThis.yuanliu || {});
