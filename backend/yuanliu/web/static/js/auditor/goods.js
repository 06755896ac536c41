// Batches, replayed record by record: journals, who wrote, hold and recall. The twin of backend/yuanliu/audit/goods.py.
(function (yuanliu) {
  'use strict';

  const { NOBODY, FLAG, ROLE, Malformed, rolesText } = yuanliu;
  const { numberAt, wordAt, raw, hashed } = yuanliu.words;
  const HEADER = 50; // bytes
  const NOTHING = `0x${'0'.repeat(64)}`;

  // Who besides the batch's cooperative may write events of a kind; a farmer, only on his own cooperative's.
  const WRITERS = {
    production: ROLE.FARMER,
    logistics: ROLE.CARRIER | ROLE.RETAILER,
    readings: ROLE.CARRIER | ROLE.RETAILER | ROLE.INSPECTOR,
    corrected: ROLE.FARMER | ROLE.INSPECTOR | ROLE.CARRIER | ROLE.RETAILER | ROLE.REGULATOR,
  };
  const NEEDED = {
    collected: ROLE.COOPERATIVE, registered: ROLE.COOPERATIVE, derived: ROLE.COOPERATIVE, consumed: ROLE.COOPERATIVE,
    priced: ROLE.COOPERATIVE, inspection: ROLE.INSPECTOR, released: ROLE.REGULATOR,
    recalled: ROLE.COOPERATIVE | ROLE.REGULATOR, recall_lifted: ROLE.COOPERATIVE | ROLE.REGULATOR,
  };
  const BEFORE_REGISTERED = ['collected', 'registered', 'derived'];

  class Goods {
    constructor(scene, trade, custody, sales) {
      const making = new yuanliu.Making(scene, trade, custody);
      Object.assign(this, { scene, custody, sales, making });
      const act = (room, name) => (...taken) => room[name](...taken);
      this.acts = {
        collected: act(making, 'collected'), registered: act(making, 'registered'), derived: act(making, 'derived'),
        consumed: act(making, 'consumed'), readings: act(this, 'readings'), corrected: act(this, 'corrected'),
        inspection: act(this, 'inspected'), priced: act(this, 'priced'), offered: act(custody, 'offered'),
        accepted: act(custody, 'accepted'), refused: act(custody, 'refused'), withdrawn: act(custody, 'withdrawn'),
        released: act(this, 'released'), recalled: act(this, 'recalled'), recall_lifted: act(this, 'lifted'),
      };
    }

    // ---------------------------------------------------------------- a record

    recorded(topics, data) {
      const length = Number(numberAt(data, 2, 32));
      const padded = 96 + ((length + 31) & ~31);
      if (topics.length !== 2 || numberAt(data, 1, 32) !== 64n || data.length !== 2 + 2 * padded) {
        throw new Malformed('no record');
      }
      const { scene } = this;
      const id = topics[1], record = data.slice(194, 194 + 2 * length);
      scene.about(id);
      const batch = this.chained(id, wordAt(data, 0), record);
      if (length < HEADER || !record.startsWith('01')) {
        this.malformed(id, 'the header of a record', `${length} bytes`);
        return;
      }
      const time = BigInt(`0x${record.slice(4, 20)}`);
      if (time !== scene.time) scene.wrong('record-time', scene.time, time, { batch: id });
      const kind = yuanliu.KINDS[parseInt(record.slice(2, 4), 16)];
      if (kind) {
        const signer = `0x${record.slice(60, 100)}`;
        scene.tell(kind, signer, yuanliu.ofRecord(kind, id, record.slice(2 * HEADER)), { batch: id });
      }
      let read;
      try {
        read = yuanliu.decode(raw(record));
      } catch (error) {
        if (!(error instanceof yuanliu.RecordError)) throw error;
        this.malformed(id, 'a record as IJournal.sol lays it out', error.message);
        return;
      }
      batch.authors.add(read.actor);
      if (read.kind === 'sold') this.sold(id, batch, read);
      else this.act(id, batch, read);
    }

    // Hang a record on its batch's journal.
    chained(id, previous, record) {
      const batch = this.batch(id);
      if (previous !== batch.head) {
        const more = { what: `record ${batch.records}`, batch: id };
        this.scene.wrong('journal-broken', batch.head, previous, more);
      }
      batch.head = hashed(previous, hashed(record));
      batch.records += 1;
      this.scene.count('records');
      return batch;
    }

    // A batch of which nothing was heard yet has the head that its journal begins with.
    batch(id) {
      const { scene } = this;
      let found = scene.batches.get(id);
      if (!found) {
        const domain = yuanliu.hex(yuanliu.ascii('yuanliu.journal.v1'));
        const head = hashed(domain, yuanliu.words.padded(scene.chainId), scene.contracts.Batches, id);
        found = {
          head, cooperative: NOBODY, terms: 0n, flags: 0, farmer: '', price: 0n, weight: 0n, units: 0n, mass: 0n,
          grams: 0n, chunks: 0, offers: 0n, recalledBy: NOBODY, parents: [], clearAt: 0, records: 0, sold: 0n,
          opened: false, received: 0n, paid: 0n, direct: 0n, gtin: null, lot: '', entries: [],
          authors: new Set(),
        };
        scene.batches.set(id, found);
      }
      return found;
    }

    malformed(batch, expected, found) { this.scene.wrong('record-malformed', expected, found, { batch }); }

    act(id, batch, { kind, actor, signer, body }) {
      if (!BEFORE_REGISTERED.includes(kind) && !(batch.flags & FLAG.REGISTERED)) {
        this.scene.wrong('batch-invalid', 'a registered batch', 'none', { what: kind, batch: id });
      }
      this.checkAuthor(id, batch, kind, actor, signer);
      if (this.acts[kind]) this.acts[kind](id, batch, actor, body);
      this.custody.noneLeft(id);
    }

    checkAuthor(id, batch, kind, actor, signer) {
      const { scene } = this;
      const own = actor === batch.cooperative;
      if (WRITERS[kind]) {
        const roles = scene.author(actor, signer, 0, id);
        const known = scene.actors.get(actor);
        const isFarmer = known && known.enroller === batch.cooperative;
        const allowed = isFarmer ? WRITERS[kind] : WRITERS[kind] & ~ROLE.FARMER;
        if (!own && !(roles & allowed)) {
          scene.wrong('author-role', rolesText(WRITERS[kind]), rolesText(roles), { batch: id, actor });
        }
        return;
      }
      const roles = scene.author(actor, signer, NEEDED[kind] || 0, id);
      const bound = kind === 'priced' || (kind === 'recalled' && !(roles & ROLE.REGULATOR));
      if (bound && !own) {
        scene.wrong('author-role', `the batch's cooperative ${batch.cooperative}`, actor, { batch: id });
      }
    }

    // ---------------------------------------------------------------- events, price, safety

    readings(id, batch, actor, body) {
      const key = id + body.root;
      if (body.root === NOTHING || !body.count || this.scene.readings.has(key)) {
        this.making.invalid(id, 'a new root of some readings', body.root);
      }
      this.scene.readings.add(key);
    }

    corrected(id, batch, actor, body) {
      if (body.wrong === body.corrective || body.wrong === NOTHING || body.corrective === NOTHING) {
        this.making.invalid(id, 'two different records', body.wrong);
      }
    }

    inspected(id, batch, actor, body) {
      batch.flags = body.conformant ? batch.flags & ~FLAG.HELD : batch.flags | FLAG.HELD;
    }

    released(id, batch) {
      if (!(batch.flags & FLAG.HELD)) this.scene.wrong('safety-unfounded', 'held', 'not held', { batch: id });
      batch.flags &= ~FLAG.HELD;
    }

    recalled(id, batch, actor) {
      const takesOver = this.isRegulator(actor) && batch.recalledBy === batch.cooperative && actor !== batch.cooperative;
      if (batch.flags & FLAG.RECALLED && !takesOver) {
        this.scene.wrong('safety-unfounded', 'not recalled', 'recalled', { batch: id });
      }
      batch.flags |= FLAG.RECALLED;
      batch.recalledBy = actor;
      this.scene.count('recalls');
    }

    lifted(id, batch, actor) {
      if (!(batch.flags & FLAG.RECALLED)) {
        this.scene.wrong('safety-unfounded', 'recalled', 'not recalled', { batch: id });
      } else if (actor !== batch.recalledBy && !this.isRegulator(actor)) {
        this.scene.wrong('author-role', batch.recalledBy, actor, { batch: id });
      }
      batch.flags &= ~FLAG.RECALLED;
      batch.recalledBy = NOBODY;
    }

    isRegulator(actor) {
      const known = this.scene.actors.get(actor);
      return Boolean(known && known.roles & ROLE.REGULATOR);
    }

    priced(id, batch, actor, body) {
      this.making.checkPrice(id, body.price, this.making.terms(id, batch.terms));
      batch.price = body.price;
    }

    // ---------------------------------------------------------------- sale

    sold(id, batch, { actor, signer, time, body }) {
      const { scene } = this;
      const { buyer, units } = body;
      if (!(batch.flags & FLAG.REGISTERED)) this.making.invalid(id, 'a registered batch', 'none');
      if (actor !== signer) scene.wrong('author-key', actor, signer, { batch: id });
      scene.need([actor], 'payer');
      if (!units || buyer === NOBODY || buyer === scene.contracts.Batches) {
        this.making.invalid(id, 'units for a buyer', `${units} for ${buyer}`);
      }
      this.custody.checkMovable(id, batch);
      this.custody.move(id, batch.cooperative, buyer, units);
      this.custody.noneLeft(id);
      batch.sold += units;
      this.sales.sold(id, batch, this.making.terms(id, batch.terms), actor, body, time);
    }

    // Look at what a transaction left open: called when it is over.
    end() {
      this.making.end();
      for (const [id] of this.custody.pending) this.batch(id); // so that its head is asked for
      this.custody.noneLeft('');
    }
  }

  Object.assign(yuanliu, { Goods });
})(globalThis.yuanliu = globalThis.yuanliu || {});
