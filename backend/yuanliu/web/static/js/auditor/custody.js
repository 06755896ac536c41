// Who holds which units, what is offered to whom, and whether a batch may move.
// The twin of backend/yuanliu/audit/custody.py.
(function (yuanliu) {
  'use strict';

  const { NOBODY, FLAG, Malformed } = yuanliu;
  const { address, numberAt, wordAt } = yuanliu.words;

  const shown = ([, sender, receiver, units]) => `${units}: ${sender} → ${receiver}`;
  const same = (one, two) => one.every((value, i) => value === two[i]);

  // A log of a movement must be followed by the record that it belongs to.
  class Custody {
    constructor(scene) {
      this.scene = scene;
      this.pending = [];
    }

    // ---------------------------------------------------------------- movements

    moved(topics, data) {
      if (topics.length !== 4) throw new Malformed('no movement of units');
      this.pending.push([wordAt(data, 0), address(topics[2]), address(topics[3]), numberAt(data, 1, 64)]);
    }

    // Move units as a record says, and compare with the log of the movement.
    move(batch, sender, receiver, units) {
      const { scene } = this;
      const expected = [batch, sender, receiver, units];
      if (this.pending.length && same(this.pending[0], expected)) {
        this.pending.shift();
      } else {
        const found = this.pending.length && this.pending[0][0] === batch ? this.pending.shift() : null;
        scene.wrong('units-moved', shown(expected), found ? shown(found) : 'no movement', { batch });
      }
      if (sender !== NOBODY) {
        const key = `${batch}:${sender}`, held = scene.holdings.get(key) || 0n;
        if (held < units) scene.wrong('units-oversold', `at most ${held}`, units, { what: sender, batch });
        scene.holdings.set(key, held > units ? held - units : 0n);
      }
      if (receiver !== NOBODY) {
        const key = `${batch}:${receiver}`;
        scene.holdings.set(key, (scene.holdings.get(key) || 0n) + units);
      }
    }

    // Name movements that the record just taken does not explain.
    noneLeft(batch) {
      for (const moved of this.pending) {
        this.scene.wrong('units-moved', 'no movement', shown(moved), { batch: moved[0] || batch });
      }
      this.pending = [];
    }

    // ---------------------------------------------------------------- offers

    offered(id, batch, actor, body) {
      const { scene } = this;
      const host = scene.contracts.Batches;
      if ([NOBODY, actor, host].includes(body.receiver) || !body.units) {
        this.invalid(id, 'units for somebody else', `${body.units} for ${body.receiver}`);
      }
      if (body.receiver !== batch.cooperative) this.checkMovable(id, batch);
      batch.offers += 1n;
      if (body.offer !== batch.offers) this.invalid(id, `offer ${batch.offers}`, body.offer);
      this.move(id, actor, host, body.units);
      scene.offers.set(`${id}:${body.offer}`, { sender: actor, units: body.units, receiver: body.receiver });
    }

    accepted(id, batch, actor, body) {
      if (actor !== batch.cooperative) this.checkMovable(id, batch);
      this.close(id, body.offer, actor, 'receiver', 'receiver');
    }

    refused(id, batch, actor, body) { this.close(id, body.offer, actor, 'receiver', 'sender'); }

    withdrawn(id, batch, actor, body) { this.close(id, body.offer, actor, 'sender', 'sender'); }

    close(id, number, actor, by, to) {
      const offer = this.scene.offers.get(`${id}:${number}`);
      const entitled = offer ? offer[by] : NOBODY;
      if (!offer || !offer.units || actor !== entitled) {
        this.invalid(id, `an open offer of ${entitled}`, `${number}, by ${actor}`);
      }
      if (!offer) return;
      this.move(id, this.scene.contracts.Batches, offer[to], offer.units);
      offer.units = 0n;
    }

    invalid(batch, expected, found) { this.scene.wrong('offer-invalid', expected, found, { batch }); }

    // ---------------------------------------------------------------- hold and recall

    checkMovable(id, batch) {
      if (batch.flags & FLAG.HELD) this.scene.wrong('safety-held', 'not held', 'held', { batch: id });
      if (!this.isClear(id, batch)) this.scene.wrong('safety-recalled', 'not recalled', 'recalled', { batch: id });
    }

    // Walk up the lineage; what was clear since the last recall is not walked again.
    isClear(id, batch) {
      const epoch = this.scene.number('recalls') + 1;
      const todo = [batch], seen = new Set([id]), walked = [];
      while (todo.length) {
        const one = todo.pop();
        if (one.flags & FLAG.RECALLED) return false;
        if (!(one.flags & FLAG.DERIVED) || one.clearAt === epoch) continue;
        walked.push(one);
        for (const parent of one.parents) {
          if (seen.has(parent)) continue;
          seen.add(parent);
          const found = this.scene.batches.get(parent);
          if (found) todo.push(found);
        }
      }
      for (const one of walked) one.clearAt = epoch;
      return true;
    }
  }

  Object.assign(yuanliu, { Custody });
})(globalThis.yuanliu = globalThis.yuanliu || {});
