// Where the money went: shares of payments, pools, claims, settlements, credits, and the tokens that moved with them.
// The twin of backend/yuanliu/audit/sales.py. Logs of one transaction are compared when it is over: what its sales,
// claims and settlements owe at once must have left as transfers or stand as credits, what its sales cost must have come
// in, and nothing else may have left.
(function (yuanliu) {
  'use strict';

  const CHUNK = 256n;
  const WHOLE_BPS = 10000n;
  const { Malformed } = yuanliu;
  const { address, addressAt, numberAt, wordAt, number } = yuanliu.words;

  // The arithmetic of contracts/libraries/Split.sol: [farmers, cooperative, platform], what rounding left over, and the
  // margin; null if the amount is below the floor or the ratios are none.
  function split(amount, floorPerUnit, units, bps) {
    const floor = floorPerUnit * units, margin = amount - floor;
    if (units === 0n || margin < 0n || yuanliu.ratiosFault(bps)) return null;
    const [own, coop, platform] = bps.map((part) => (margin * part) / WHOLE_BPS);
    return {
      floor, margin, shares: [amount - coop - platform, coop, platform], remainder: margin - own - coop - platform,
    };
  }

  const due = (receipts, weight, total) => (total ? (receipts * weight) / total : 0n);

  // What a member's due grows by while the receipts grow.
  const between = (before, receipts, weight, total) => (
    before > receipts ? 0n : due(receipts, weight, total) - due(before, weight, total));

  const maximum = (one, two) => (one > two ? one : two);

  // How often each of some things was seen.
  class Tally extends Map {
    add(key) { this.set(key, (this.get(key) || 0) + 1); }

    take(key) {
      const left = this.get(key) || 0;
      if (left) this.set(key, left - 1);
      return left > 0;
    }
  }

  class Sales {
    constructor(scene) {
      this.scene = scene;
      this.clear();
      this.readers = {
        Claimed: (topics, data) => this.claimed(topics, data),
        Settled: (topics, data) => this.settled(topics, data),
        Credited: (topics, data) => this.credit(topics, data),
        Withdrawn: (topics, data) => this.withdrawn(topics, data),
      };
    }

    clear() {
      this.orders = new Map();
      this.due = []; // {token, batch, owner, to, amount}: paid at once or credited
      this.must = []; // {token, to, amount, batch}: paid at once
      this.in = [];
      this.out = new Tally();
      this.credited = new Tally();
    }

    // ---------------------------------------------------------------- paying

    sold(id, batch, terms, payer, body, time) {
      const { scene } = this;
      const { units, amount } = body;
      const { token } = terms;
      const found = [body.farmers, body.cooperative, body.platform];
      const wrong = (rule, right, is, what = '') => scene.wrong(rule, right, is, { what, batch: id, token });
      scene.count('payments');
      scene.signed.tokens.add(token);
      if (amount !== batch.price * units) wrong('sale-amount', batch.price * units, amount);
      const right = split(amount, terms.floor, units, terms.bps);
      if (amount < terms.floor * units) {
        wrong('price-below-floor', `at least ${terms.floor * units}`, amount);
      } else if (!right) {
        wrong('split-differs', 'valid terms, and units', `${units} units, ${terms.bps.join(' + ')} bps`);
      } else if (right.shares.join() !== found.join()) {
        wrong('split-differs', right.shares.join(' + '), found.join(' + '), `${amount}`);
      }
      scene.payments.push({
        batch: id, time, units, amount, token, payer, order: BigInt(body.order), found, right, floorPerUnit: terms.floor,
        transaction: scene.transaction, block: scene.block,
      });
      this.order(id, payer, BigInt(body.order), amount, token);
      this.push(token, id, terms.cooperativePayee, terms.cooperativePayee, body.cooperative);
      this.push(token, id, terms.platformPayee, terms.platformPayee, body.platform);
      if (batch.farmer) {
        batch.direct += body.farmers;
        this.push(token, id, batch.farmer, scene.payoutOf(batch.farmer), body.farmers);
      } else {
        batch.opened = true;
        batch.received += body.farmers;
        scene.purse(token).owed += body.farmers;
      }
    }

    // An order may have several lines, all in one transaction; later it can be paid no more.
    order(batch, payer, order, amount, token) {
      const { scene } = this;
      const key = `${payer}:${order}`;
      const known = this.orders.get(key);
      if (known) {
        if (known.token !== token) scene.wrong('batch-invalid', `paid in ${known.token}`, token, { batch, token });
        known.token = token;
        known.amount += amount;
        return;
      }
      this.orders.set(key, { payer, order, token, amount, batch });
      if (scene.orders.has(key)) scene.wrong('order-repeated', 'a new order', order, { what: payer, batch, token });
      scene.orders.add(key);
    }

    push(token, batch, owner, to, amount) {
      if (amount) this.due.push({ token, batch, owner, to, amount });
    }

    // ---------------------------------------------------------------- claiming

    claimed(topics, data) {
      const { scene } = this;
      const id = topics[1];
      const member = topics[2].startsWith(`0x${'0'.repeat(24)}`) ? address(topics[2]) : topics[2];
      const index = numberAt(data, 0, 31), amount = numberAt(data, 1, 96), to = addressAt(data, 2);
      const [batch, token] = this.pool(id);
      const wrong = (right, is, what = `member ${index}`) => (
        scene.wrong('claim-differs', right, is, { what, batch: id, token }));
      const listed = (scene.chunks.get(`${id}:${index / CHUNK}`) || [])[Number(index % CHUNK)];
      const farmer = this.farmerOf(member);
      if (farmer) {
        const said = to.slice(2) + id.slice(2) + yuanliu.words.padded(index);
        scene.tell('claimed', farmer, said, { batch: id, sure: to !== scene.payoutOf(farmer) });
      }
      if (!listed || listed[0] !== member) {
        wrong(listed ? listed[0] : 'no such member', member);
        return;
      }
      const key = `${id}:${index}`;
      const before = maximum(scene.claimed.get(key) || 0n, scene.settled.get(`${id}:${index / CHUNK}`) || 0n);
      const right = between(before, batch.received, listed[1], batch.weight);
      if (amount !== right || !amount) wrong(right, amount);
      scene.claimed.set(key, batch.received);
      this.leave(id, batch, amount);
      if (!farmer) {
        if (to !== scene.contracts.Payments) wrong(scene.contracts.Payments, to, 'to');
        this.fill(member, amount);
        return;
      }
      if (to !== scene.payoutOf(farmer)) scene.need(scene.keysOf(farmer, true), 'owner key');
      scene.purse(token).owed -= amount;
      this.must.push({ token, to, amount, batch: id });
      this.paid(id, farmer, amount, 'claim');
    }

    settled(topics, data) {
      const { scene } = this;
      const id = topics[1];
      const chunk = numberAt(data, 0, 31), received = numberAt(data, 1, 96), amount = numberAt(data, 2, 96);
      const [batch, token] = this.pool(id);
      const wrong = (right, is, what) => scene.wrong('settlement-differs', right, is, { what, batch: id, token });
      if (received !== batch.received) wrong(batch.received, received, 'receipts');
      const settled = scene.settled.get(`${id}:${chunk}`) || 0n;
      let total = 0n;
      (scene.chunks.get(`${id}:${chunk}`) || []).forEach(([member, weight], place) => {
        const claimed = scene.claimed.get(`${id}:${chunk * CHUNK + BigInt(place)}`) || 0n;
        const part = between(maximum(claimed, settled), received, weight, batch.weight);
        const farmer = this.farmerOf(member);
        total += part;
        if (farmer) {
          scene.purse(token).owed -= part;
          this.push(token, id, farmer, scene.payoutOf(farmer), part);
          this.paid(id, farmer, part, 'settlement');
        } else {
          this.fill(member, part);
        }
      });
      if (total !== amount || !amount) wrong(total, amount, `chunk ${chunk}`);
      scene.settled.set(`${id}:${chunk}`, received);
      this.leave(id, batch, total);
    }

    paid(batch, farmer, amount, way) {
      const { scene } = this;
      if (amount) {
        scene.payouts.push({ batch, farmer, amount, way, time: scene.time, transaction: scene.transaction, block: scene.block });
      }
    }

    pool(id) {
      const batch = this.scene.batches.get(id);
      if (!batch) throw new Malformed('no such batch');
      this.scene.about(id);
      return [batch, this.scene.tokenOf(batch)];
    }

    leave(id, batch, amount) {
      batch.paid += amount;
      if (batch.paid > batch.received) {
        this.scene.wrong('claim-differs', `at most ${batch.received}`, batch.paid, { what: 'in all', batch: id });
      }
    }

    fill(parent, amount) {
      const batch = this.scene.batches.get(parent);
      if (!batch) return;
      this.scene.about(parent);
      batch.opened = true;
      batch.received += amount;
    }

    // Who is paid for a member: the farmer, or a parent's one farmer; nobody if the parent has a pool.
    farmerOf(member) {
      if (member.length === 42) return member;
      const parent = this.scene.batches.get(member);
      return parent ? parent.farmer : '';
    }

    // ---------------------------------------------------------------- credits

    credit(topics, data) {
      const { scene } = this;
      const token = address(topics[1]), owner = address(topics[2]), batch = topics[3];
      const amount = number(wordAt(data, 0), 256), key = `${token}:${owner}`;
      scene.about(`actor ${owner}`);
      this.credited.add(`${token} ${batch} ${owner} ${amount}`);
      scene.credits.set(key, (scene.credits.get(key) || 0n) + amount);
      scene.purse(token).owed += amount;
    }

    withdrawn(topics, data) {
      const { scene } = this;
      const token = address(topics[1]), owner = address(topics[2]);
      const amount = number(wordAt(data, 0), 256), to = addressAt(data, 1), key = `${token}:${owner}`;
      const credit = scene.credits.get(key) || 0n;
      scene.about(`actor ${owner}`);
      scene.tell('withdrawn to', '', token.slice(2) + to.slice(2), { sure: to !== scene.payoutOf(owner) });
      if (amount !== credit || !amount) {
        scene.wrong('withdrawal-differs', credit, amount, { what: owner, actor: owner, token });
      }
      if (to !== scene.payoutOf(owner)) scene.need([...new Set([owner, ...scene.keysOf(owner, true)])], 'owner');
      scene.credits.set(key, 0n);
      scene.purse(token).owed -= amount;
      this.must.push({ token, to, amount, batch: '' });
    }

    // ---------------------------------------------------------------- tokens

    transferred(token, topics, data) {
      const { scene } = this;
      const sender = address(topics[1]), receiver = address(topics[2]), amount = number(wordAt(data, 0), 256);
      const purse = scene.purse(token);
      if (receiver === scene.contracts.Payments) {
        purse.came += amount;
        this.in.push({ token, sender, amount });
      }
      if (sender === scene.contracts.Payments) {
        purse.went += amount;
        this.out.add(`${token} ${receiver} ${amount}`);
      }
    }

    // ---------------------------------------------------------------- the end of a transaction

    end() {
      this.cameIn();
      this.wentOut();
      this.clear();
    }

    cameIn() {
      const { scene } = this;
      const came = this.in.slice();
      for (const { payer, order, token, amount, batch } of this.orders.values()) {
        if (amount === 0n) continue;
        const at = came.findIndex((each) => each.token === token && each.sender === payer && each.amount === amount);
        if (at >= 0) {
          came.splice(at, 1);
          continue;
        }
        const found = came.map((each) => `${each.amount} of ${each.sender}`).join('; ') || 'nothing';
        scene.wrong('payment-missing', `${amount} of ${payer}`, found, { what: `order ${order}`, batch, token });
      }
      for (const { token, amount } of came) scene.purse(token).gifts += amount;
    }

    wentOut() {
      const { scene, out } = this;
      const left = () => [...out].filter(([, times]) => times).slice(0, 4)
        .map(([key]) => key.split(' ')).map(([, to, amount]) => `${amount} to ${to}`).join('; ') || 'no transfer';
      for (const { token, to, amount, batch } of this.must) {
        if (out.take(`${token} ${to} ${amount}`)) continue;
        scene.wrong('payout-missing', `${amount} to ${to}`, left(), { batch, token });
      }
      for (const { token, batch, owner, to, amount } of this.due) {
        if (this.credited.take(`${token} ${batch} ${owner} ${amount}`)) continue;
        if (out.take(`${token} ${to} ${amount}`)) continue;
        const expected = `${amount} to ${to}, or credited to ${owner}`;
        scene.wrong('payout-missing', expected, left(), { batch, token, actor: owner });
      }
      for (const [key, times] of this.credited) {
        const [token, batch, owner, amount] = key.split(' ');
        if (times) scene.wrong('credit-differs', 'no credit', `${amount} to ${owner}`, { batch, token, actor: owner });
      }
      for (const [key, times] of out) {
        const [token, to, amount] = key.split(' ');
        if (times) scene.wrong('money-unexplained', 'no transfer', `${amount} to ${to}`, { token });
      }
    }
  }

  Object.assign(yuanliu, { Sales, split, due });
})(globalThis.yuanliu = globalThis.yuanliu || {});
