// How batches come about: from deliveries, or from batches by mass, with the terms that the farmers delivered under.
// The twin of backend/yuanliu/audit/making.py.
(function (yuanliu) {
  'use strict';

  const { NOBODY, FLAG, gtinText } = yuanliu;
  const NO_TERMS = {
    token: '', bps: [0n, 0n, 0n], cooperativePayee: NOBODY, floor: 0n, platformPayee: NOBODY, gtin: 0n, cooperative: NOBODY,
  };

  const maximum = (one, two) => (one > two ? one : two);
  const lotHex = (lot) => yuanliu.hex(yuanliu.ascii(lot)).padEnd(40, '0');

  function members(items) {
    const shown = items.slice(0, 4).map(([id, mass]) => `${id.slice(0, 10)}…: ${mass} mg`).join(', ');
    return items.length ? `${shown} (${items.length})` : 'none';
  }

  class Making {
    constructor(scene, trade, custody) {
      Object.assign(this, { scene, trade, custody });
      this.transformations = new Map(); // of one transaction: inputs and outputs stand together
    }

    // ---------------------------------------------------------------- from deliveries

    collected(id, batch, actor, body) {
      if (batch.flags & FLAG.REGISTERED) this.invalid(id, 'a batch that is still collected', 'registered');
      this.enter(id, batch, actor, body.entries, true);
    }

    registered(id, batch, actor, body) {
      const { scene } = this;
      if (batch.flags & FLAG.REGISTERED) this.invalid(id, 'a new batch', 'registered');
      this.enter(id, batch, actor, body.entries, false);
      const delivered = batch.grams * 1000n;
      const accounted = body.units * body.milligrams_per_unit + body.loss_milligrams;
      if (delivered !== accounted) scene.wrong('mass-harvest', `${delivered} mg`, `${accounted} mg`, { batch: id });
      if (!batch.weight) this.invalid(id, 'deliveries', 'none');
      if (body.terms !== batch.terms) {
        const what = body.entries.length ? `receipt ${body.entries[0].receipt}` : '';
        scene.wrong('terms-differ', batch.terms, body.terms, { what, batch: id });
      }
      this.open(id, batch, actor, body);
    }

    // The contract keeps the root of a registration's entries only if the batch has a pool.
    enter(id, batch, actor, entries, always) {
      const { scene } = this;
      const first = batch.weight === 0n;
      if (first) batch.cooperative = actor;
      else if (batch.cooperative !== actor) this.invalid(id, batch.cooperative, actor);
      for (const [receipt, delivery] of this.trade.enter(id, actor, entries)) {
        if (first && !batch.terms) batch.terms = delivery.terms;
        if (delivery.terms !== batch.terms) {
          scene.wrong('terms-differ', batch.terms, delivery.terms, { what: `receipt ${receipt}`, batch: id });
        }
      }
      let farmer = first && entries.length ? entries[0].farmer : batch.farmer;
      const chunk = [];
      for (const entry of entries) {
        const weight = entry.grams * entry.grade_bps;
        batch.grams += entry.grams;
        batch.weight += weight;
        if (entry.farmer !== farmer) farmer = '';
        chunk.push([entry.farmer, weight]);
        batch.entries.push(entry);
      }
      batch.farmer = farmer;
      if (chunk.length && (always || !farmer)) scene.chunks.set(`${id}:${batch.chunks++}`, chunk);
    }

    // ---------------------------------------------------------------- from batches

    sumOf(number) {
      let sum = this.transformations.get(number);
      if (!sum) {
        sum = { massIn: 0n, massOut: 0n, floorIn: 0n, floorOut: 0n, farmerBps: 0n, token: '', inputs: [], farmer: null, outputs: [] };
        this.transformations.set(number, sum);
      }
      return sum;
    }

    consumed(id, batch, actor, body) {
      const { scene } = this;
      const mass = body.units * batch.mass;
      if (!this.transformations.has(body.transformation)) {
        const expected = scene.count('transformations');
        if (body.transformation !== BigInt(expected)) {
          this.invalid(id, `transformation ${expected}`, body.transformation);
          scene.count('transformations', Number(body.transformation) - expected);
        }
      }
      const sum = this.sumOf(body.transformation);
      if (!body.units) this.invalid(id, 'units', 'none');
      this.custody.checkMovable(id, batch);
      const terms = this.terms(id, batch.terms);
      sum.massIn += mass;
      sum.floorIn += body.units * terms.floor;
      sum.farmerBps = maximum(sum.farmerBps, terms.bps[0]);
      const last = sum.inputs[sum.inputs.length - 1];
      if (last && (id <= last[0] || terms.token !== sum.token)) {
        this.invalid(id, 'inputs in order, paid in one token', terms.token);
      }
      sum.token = terms.token;
      sum.farmer = sum.farmer === null || sum.farmer === batch.farmer ? batch.farmer : '';
      sum.inputs.push([id, mass]);
      this.custody.move(id, actor, NOBODY, body.units);
    }

    derived(id, batch, actor, body) {
      const { scene } = this;
      if (batch.flags & FLAG.REGISTERED || batch.records > 1) this.invalid(id, 'a new batch', 'one with a history');
      if (!this.transformations.has(body.transformation)) this.invalid(id, 'inputs in the same transaction', 'none');
      const sum = this.sumOf(body.transformation);
      const parents = body.parents.map((parent) => [parent.batch, parent.milligrams]);
      if (parents.join() !== sum.inputs.join()) {
        scene.wrong('pool-members', members(sum.inputs), members(parents), { batch: id });
      }
      const terms = this.terms(id, body.terms);
      const product = scene.products.get(body.gtin);
      if (!product || product.inForce !== body.terms) {
        scene.wrong('terms-not-in-force', product ? product.inForce : 'none', body.terms, { batch: id });
      }
      if (terms.bps[0] < sum.farmerBps) {
        scene.wrong('terms-weakened', `${sum.farmerBps} bps`, terms.bps[0], { what: "farmers' part", batch: id });
      }
      if (sum.token && sum.token !== terms.token) this.invalid(id, `paid in ${sum.token}`, terms.token);
      sum.massOut += body.units * body.milligrams_per_unit;
      sum.floorOut += body.units * terms.floor;
      sum.outputs.push(id);
      batch.cooperative = actor;
      batch.terms = body.terms;
      batch.farmer = sum.farmer || '';
      batch.weight = parents.reduce((all, [, mass]) => all + mass, 0n);
      batch.parents = parents.map(([parent]) => parent);
      batch.flags |= FLAG.DERIVED;
      batch.clearAt = scene.number('recalls') + 1;
      if (!batch.farmer) {
        scene.chunks.set(`${id}:0`, parents);
        batch.chunks = 1;
      }
      this.open(id, batch, actor, body);
    }

    open(id, batch, actor, body) {
      const { scene } = this;
      const expected = yuanliu.words.hashed(actor, body.gtin.toString(16).padStart(16, '0'), lotHex(body.lot));
      if (expected !== id) scene.wrong('record-batch', expected, id, { batch: id });
      const product = scene.products.get(body.gtin);
      if (!product || product.cooperative !== actor) this.invalid(id, `a product of ${actor}`, gtinText(body.gtin));
      const terms = this.terms(id, body.terms);
      if (terms.gtin !== body.gtin) {
        scene.wrong('terms-differ', `terms for ${gtinText(body.gtin)}`, gtinText(terms.gtin), { batch: id });
      }
      if (!body.units || !body.milligrams_per_unit) this.invalid(id, 'units and their mass', '0');
      this.checkPrice(id, body.price, terms);
      batch.flags |= FLAG.REGISTERED;
      Object.assign(batch, {
        price: body.price, units: body.units, mass: body.milligrams_per_unit, gtin: body.gtin, lot: body.lot,
      });
      scene.about(`product ${body.gtin}`, `terms ${body.terms}`);
      scene.count('batches');
      this.custody.move(id, NOBODY, actor, body.units);
    }

    // ---------------------------------------------------------------- both

    end() {
      for (const sum of this.transformations.values()) {
        const [first] = sum.outputs;
        if (first && sum.massOut > sum.massIn) {
          const more = { batch: first };
          this.scene.wrong('mass-transformation', `at most ${sum.massIn} mg`, `${sum.massOut} mg`, more);
        }
        if (first && sum.floorOut < sum.floorIn) {
          this.scene.wrong('terms-weakened', sum.floorIn, sum.floorOut, { what: 'sum of floors', batch: first });
        }
        if (!first && sum.inputs.length) this.invalid(sum.inputs[0][0], 'outputs in the same transaction', 'none');
      }
      this.transformations.clear();
    }

    terms(batch, number) {
      const found = this.scene.terms.get(number);
      if (!found) this.scene.wrong('terms-differ', 'published terms', number, { batch });
      return found || NO_TERMS;
    }

    checkPrice(batch, price, terms) {
      if (price < terms.floor) this.scene.wrong('price-below-floor', `at least ${terms.floor}`, price, { batch });
    }

    invalid(batch, expected, found) { this.scene.wrong('batch-invalid', expected, found, { batch }); }
  }

  Object.assign(yuanliu, { Making });
})(globalThis.yuanliu = globalThis.yuanliu || {});
