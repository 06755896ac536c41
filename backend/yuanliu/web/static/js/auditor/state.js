// Whether the chain's state is what its history says: code, terms, batches, pools, members, holders, actors, credits.
// The twin of backend/yuanliu/audit/state.py. Of a part of the history only that part's state is asked for.
(function (yuanliu) {
  'use strict';

  const CHUNK = 256;
  const HOLDERS = 100; // of one question
  const AT_ONCE = 300;
  const OWN_NOTHING = ['Actors', 'Catalogue', 'Deliveries', 'Batches', 'Payments'];
  const REVERTED = /revert|invalid opcode|out of gas|stack|bad jump|execution/i;
  // keccak256 of the creation code of OpenZeppelin's Create3 proxy.
  const PROXY_HASH = '57a34f6e879358dd76825d6700df87013ad6a3fb43c0d0c602f70a8772c153bd';
  const { NOBODY, Refused, ChainError, textHash, structOf } = yuanliu;
  const { padded, left, raw, keccakOf } = yuanliu.words;

  const short = (text) => left(yuanliu.hex(yuanliu.ascii(text))).slice(0, 62) + text.length.toString(16).padStart(2, '0');

  // The account whose code the terms of a number are: its CREATE3 address, as TermsCode.sol.
  function termsAddress(catalogue, number) {
    const proxy = keccakOf(`ff${catalogue.slice(2)}${padded(number)}${PROXY_HASH}`).slice(26);
    return `0x${keccakOf(`d694${proxy}01`).slice(26)}`;
  }

  // ------------------------------------------------------------------ trees of members, as Members.sol

  function levels(leaves) {
    const found = [leaves];
    while (found[found.length - 1].length > 1) {
      const below = found[found.length - 1], above = [];
      for (let i = 0; i + 1 < below.length; i += 2) {
        const [a, b] = below[i] < below[i + 1] ? [below[i], below[i + 1]] : [below[i + 1], below[i]];
        above.push(keccakOf(a + b.slice(2)));
      }
      if (below.length % 2) above.push(below[below.length - 1]);
      found.push(above);
    }
    return found;
  }

  const leaf = (host, batch, index, member, weight) => (
    keccakOf(keccakOf([host, batch, index, member, weight].map(padded).join(''))));

  function proof(tree, place) {
    const found = [];
    tree.slice(0, -1).forEach((level, height) => {
      const sibling = (place >> height) ^ 1;
      if (sibling < level.length) found.push(level[sibling]);
    });
    return found;
  }

  // ------------------------------------------------------------------ comparing

  class Comparison {
    constructor(scene, node, tag, { published, selectors }, view) {
      Object.assign(this, { scene, node, tag, published, selectors, view, asked: 0 });
    }

    async answers(calls, step = () => {}) {
      const found = [];
      for (let at = 0; at < calls.length; at += AT_ONCE) {
        for (const answer of await this.node.ask(calls.slice(at, at + AT_ONCE))) {
          if (answer instanceof Refused && !REVERTED.test(answer.message)) {
            throw new ChainError('no_state', this.node.url, answer.message);
          }
          found.push(answer instanceof Refused ? '0x' : String(answer).toLowerCase());
        }
        await step(Math.min(at + AT_ONCE, calls.length), calls.length);
      }
      this.asked += calls.length;
      return found;
    }

    call(contract, name, ...values) {
      const data = `0x${this.selectors[`${contract}.${name}`]}${values.map(padded).join('')}`;
      return ['eth_call', [{ to: this.scene.contracts[contract], data }, this.tag]];
    }

    wrong(rule, expected, found, more) { this.scene.wrong(rule, expected, found, { transaction: '', ...more }); }

    // ---------------------------------------------------------------- code

    // Check the contracts' code. Gives whether it is the published one: only then can the state be asked.
    async code() {
      const { published, scene } = this;
      const names = Object.keys(published.codes).filter((name) => scene.contracts[name]);
      const codes = await this.answers(names.map((name) => ['eth_getCode', [scene.contracts[name], this.tag]]));
      const others = await this.knowingOthers();
      let sound = true;
      names.forEach((name, i) => {
        const differs = this.codeDiffers(name, codes[i]) || others.get(name);
        if (!differs) return;
        sound = false;
        this.wrong('code-differs', 'the published code', differs, { what: `${name} ${scene.contracts[name]}` });
      });
      const owned = await this.answers(OWN_NOTHING.map((name) => ['eth_getBalance', [scene.contracts[name], this.tag]]));
      OWN_NOTHING.forEach((name, i) => {
        if (BigInt(owned[i])) this.wrong('code-owns-native', 0, `${BigInt(owned[i])} wei`, { what: name });
      });
      return sound;
    }

    // Which contract knows another by an address that is not its own.
    async knowingOthers() {
      const asked = Object.entries(this.published.getters).flatMap(([name, getters]) => (
        Object.entries(getters).map(([getter, known]) => [name, getter, known])));
      const answers = await this.answers(asked.map(([name, getter]) => this.call(name, getter)));
      const found = new Map();
      asked.forEach(([name, getter, known], i) => {
        if (answers[i] !== `0x${padded(this.scene.contracts[known])}`) found.set(name, `${getter} is not ${known}`);
      });
      return found;
    }

    // How a contract's code differs from the published one; empty if it does not. All but what the constructor fixed must
    // be equal to the byte, and that must be the addresses, the chain and the names of this deployment.
    codeDiffers(name, hex) {
      const { length, sha256, fixed } = this.published.codes[name];
      const code = raw(hex), values = [];
      if (code.length !== length) return `${code.length} bytes instead of ${length}`;
      for (const places of fixed) {
        const found = new Set(places.map(([start, size]) => yuanliu.hex(code.subarray(start, start + size))));
        if (found.size !== 1) return 'one fixed value has several values';
        values.push(...found);
        for (const [start, size] of places) code.fill(0, start, start + size);
      }
      if (yuanliu.hex(yuanliu.ownSha256(code)) !== sha256) return 'other bytes than the published ones';
      const wanted = this.fixed(name);
      if (wanted.length === values.length && wanted.sort().join() !== values.sort().join()) {
        return "a fixed value is another than the deployment's";
      }
      return '';
    }

    fixed(name) {
      const { contracts, chainId } = this.scene;
      const values = Object.values(this.published.getters[name] || {}).map((known) => padded(contracts[known]));
      if (name === 'Actors') {
        const title = textHash('Yuanliu'), version = textHash('1');
        const type = textHash('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)');
        const domain = structOf(type, title, version, chainId, contracts.Actors);
        values.push(...[title, version, chainId, contracts.Actors, domain].map(padded), short('Yuanliu'), short('1'));
      }
      return values;
    }

    async terms() {
      const { scene, view } = this;
      const listed = [...scene.terms].filter(([id]) => view.has(`terms ${id}`));
      const catalogue = scene.contracts.Catalogue;
      const codes = await this.answers(listed.map(([id]) => ['eth_getCode', [termsAddress(catalogue, id), this.tag]]));
      listed.forEach(([id, terms], i) => {
        const number = (value, size) => value.toString(16).padStart(2 * size, '0');
        const right = ['0x00', terms.token.slice(2), ...terms.bps.map((bps) => number(bps, 2)), terms.cooperativePayee.slice(2),
          number(terms.floor, 12), terms.platformPayee.slice(2), number(terms.gtin, 8)].join('');
        if (codes[i] !== right) this.wrong('terms-code', right, codes[i], { what: `terms ${id}`, token: terms.token });
      });
    }

    // ---------------------------------------------------------------- everything else

    async all(step) {
      await this.terms();
      await this.check([
        ...this.ofBatches(), ...this.ofPools(), ...this.ofOffers(), ...this.ofActors(), ...this.ofCatalogue(),
        ...this.ofDeliveries(), ...this.ofCredits(),
      ], step);
      await this.holdings();
      await this.purses();
    }

    // Probes are {rule, call, expected: [[name, word or null]], …}; the first word that differs is named.
    async check(probes, step) {
      const answers = await this.answers(probes.map((probe) => probe.call), step);
      probes.forEach(({ rule, expected, what = '', ...more }, i) => {
        const at = expected.findIndex(([, value], place) => (
          value !== null && answers[i].slice(2 + 64 * place, 66 + 64 * place) !== this.word(value)));
        if (at < 0) return;
        const [name, value] = expected[at];
        const is = answers[i].slice(2 + 64 * at, 66 + 64 * at);
        const shown = is.length < 64 ? 'no answer' : typeof value === 'bigint' ? BigInt(`0x${is}`) : `0x${is}`;
        const named = name === 'head' ? 'journal-head' : rule;
        this.wrong(named, value, shown, { ...more, what: [what, name].filter(Boolean).join(' ') });
      });
    }

    word(value) { return typeof value === 'string' && value.startsWith('left:') ? left(value.slice(5)) : padded(value); }

    * ofBatches() {
      const { scene, view } = this;
      for (const [id, batch] of scene.batches) {
        if (!view.has(id)) continue;
        const expected = [
          ['head', batch.records ? batch.head : `0x${'0'.repeat(64)}`], ['cooperative', batch.cooperative], ['terms', batch.terms],
          ['flags', BigInt(batch.flags)], ['clearAt', null], ['farmer', batch.farmer || NOBODY], ['price', batch.price],
          ['totalWeight', batch.weight], ['units', batch.units], ['massPerUnit', batch.mass], ['grams', batch.grams],
          ['chunks', BigInt(batch.chunks)], ['offers', batch.offers],
        ];
        yield { rule: 'state-batch', call: this.call('Batches', 'batchOf', id), expected, batch: id };
        const recalled = [['recalledBy', batch.recalledBy]];
        yield { rule: 'state-batch', call: this.call('Batches', 'recalledBy', id), expected: recalled, batch: id };
        const token = (batch.opened && scene.tokenOf(batch)) || NOBODY;
        const pool = [['token', token], ['received', batch.received]];
        yield { rule: 'pool-receipts', call: this.call('Payments', 'poolOf', id), expected: pool, batch: id, token };
      }
    }

    // Each chunk's root, and each member's due.
    * ofPools() {
      const { scene, view } = this;
      for (const [key, listed] of scene.chunks) {
        const [id, chunk] = key.split(':');
        const batch = scene.batches.get(id);
        if (!batch || !listed.length || !view.has(id)) continue;
        const first = Number(chunk) * CHUNK;
        const leaves = listed.map(([member, weight], i) => leaf(scene.contracts.Batches, id, first + i, member, weight));
        const tree = levels(leaves);
        const expected = [['total weight', batch.weight], [`root of chunk ${chunk}`, tree[tree.length - 1][0]]];
        yield { rule: 'pool-members', call: this.call('Batches', 'poolOf', id, BigInt(chunk)), expected, batch: id };
        if (!batch.received || batch.farmer) continue;
        const settled = scene.settled.get(key) || 0n, token = scene.tokenOf(batch);
        for (const [place, [member, weight]] of listed.entries()) {
          const index = first + place, claimed = scene.claimed.get(`${id}:${index}`) || 0n;
          const before = claimed > settled ? claimed : settled;
          const due = yuanliu.due(batch.received, weight, batch.weight) - yuanliu.due(before, weight, batch.weight);
          const siblings = proof(tree, place);
          const call = this.call('Payments', 'dueOf', 32, id, index, member, weight, 160, siblings.length, ...siblings);
          yield { rule: 'state-due', call, expected: [['due', due]], what: `member ${index}`, batch: id, token };
        }
      }
    }

    * ofOffers() {
      for (const [key, { sender, units, receiver }] of this.scene.offers) {
        const [id, number] = key.split(':');
        if (!this.view.has(id)) continue;
        const expected = [['from', sender], ['units', units], ['to', receiver]];
        const call = this.call('Batches', 'offerOf', id, BigInt(number));
        yield { rule: 'state-offer', call, expected, what: `offer ${number}`, batch: id };
      }
    }

    * ofActors() {
      const { scene, view } = this;
      const isIn = (actor) => view.has(`actor ${actor}`);
      for (const [address, actor] of scene.actors) {
        if (!isIn(address)) continue;
        const row = [
          ['key', actor.key], ['roles', BigInt(actor.roles)], ['suspended', BigInt(actor.suspended)],
          ['enrolledAt', actor.enrolledAt], ['enroller', actor.enroller], ['suspendedBy', actor.suspendedBy], ['code', `left:${actor.code}`],
        ];
        const probe = (name, expected) => (
          { rule: 'state-actor', call: this.call('Actors', name, address), expected, actor: address });
        yield probe('actorOf', row);
        yield probe('payoutOf', [['payout', actor.payout || address]]);
        yield probe('recoveryOf', [['recovery', actor.recovery || NOBODY], ['readyAt', actor.recoveryAt]]);
      }
      for (const [address, { actor, level }] of scene.keys) {
        if (!isIn(actor)) continue;
        const expected = [['actor', actor], ['level', BigInt(level)]];
        yield { rule: 'state-key', call: this.call('Actors', 'keyOf', address), expected, what: address, actor };
      }
      for (const signer of new Set([...scene.keys.keys(), ...scene.nonces.keys()])) {
        const known = scene.keys.get(signer);
        if (!isIn(known ? known.actor : signer)) continue;
        const expected = [['next number', scene.nonces.get(signer) || 0n]];
        yield { rule: 'relay-nonce', call: this.call('Actors', 'nonces', signer), expected, actor: signer };
      }
    }

    * ofCatalogue() {
      const { scene, view } = this;
      const rule = 'state-catalogue';
      for (const [token, listed] of scene.tokens) {
        const expected = [['listed', BigInt(listed)]];
        yield { rule, call: this.call('Catalogue', 'isListed', token), expected, what: token, token };
      }
      for (const [gtin, { cooperative, inForce, unit }] of scene.products) {
        if (!view.has(`product ${gtin}`)) continue;
        const expected = [['cooperative', cooperative], ['inForce', inForce], ['unit', `left:${unit}`]];
        const what = yuanliu.gtinText(gtin);
        yield { rule, call: this.call('Catalogue', 'productOf', gtin), expected, what, actor: cooperative };
      }
      for (const [cooperative, authority] of scene.authorities) {
        if (!view.has(`actor ${cooperative}`)) continue;
        const expected = [['authority', authority]];
        yield { rule, call: this.call('Catalogue', 'termsAuthorityOf', cooperative), expected, actor: cooperative };
      }
    }

    * ofDeliveries() {
      for (const [key, delivery] of this.scene.deliveries) {
        if (!this.view.has(`delivery ${key}`)) continue;
        const { cooperative, receipt, farmer, grams, grade, terms, status } = delivery;
        const expected = [['farmer', farmer], ['grams', grams], ['grade', grade], ['terms', terms], ['status', BigInt(status)]];
        const call = this.call('Deliveries', 'deliveryOf', cooperative, receipt);
        yield { rule: 'state-delivery', call, expected, what: `receipt ${receipt}`, actor: cooperative };
      }
    }

    * ofCredits() {
      for (const [key, amount] of this.scene.credits) {
        const [token, owner] = key.split(':');
        if (!this.view.has(`actor ${owner}`)) continue;
        const call = this.call('Payments', 'creditOf', token, owner);
        yield { rule: 'state-credit', call, expected: [['credit', amount]], what: owner, actor: owner, token };
      }
    }

    // ---------------------------------------------------------------- many at once

    async holdings() {
      const items = [...this.scene.holdings].map(([key, units]) => [...key.split(':'), units]).filter(([id]) => this.view.has(id));
      const groups = [];
      for (let at = 0; at < items.length; at += HOLDERS) groups.push(items.slice(at, at + HOLDERS));
      const answers = await this.answers(groups.map((group) => this.call(
        'Batches', 'balanceOfBatch', 64, 64 + 32 * (group.length + 1),
        group.length, ...group.map(([, holder]) => holder), group.length, ...group.map(([id]) => id),
      )));
      groups.forEach((group, i) => group.forEach(([batch, holder, units], place) => {
        const word = answers[i].slice(130 + 64 * place, 194 + 64 * place);
        if (word !== padded(units)) this.wrong('state-units', units, word ? BigInt(`0x${word}`) : 'no answer', { what: holder, batch });
      }));
    }

    // The tokens that the payments' contract has, and what came, went and is owed.
    async purses() {
      const { scene } = this;
      const data = `0x70a08231${padded(scene.contracts.Payments)}`; // balanceOf(address)
      const listed = [...scene.purses].filter(([token]) => scene.tokens.has(token));
      const answers = await this.answers(listed.map(([token]) => ['eth_call', [{ to: token, data }, this.tag]]));
      listed.forEach(([token, purse], i) => {
        const right = purse.came - purse.went, found = answers[i] === '0x' ? 0n : BigInt(answers[i]);
        if (found !== right) this.wrong('token-balance', right, found, { token });
        else if (right !== purse.owed + purse.gifts) {
          this.wrong('money-conserved', `${purse.owed} + ${purse.gifts} given`, right, { token });
        }
      });
    }
  }

  Object.assign(yuanliu, { Comparison });
})(globalThis.yuanliu = globalThis.yuanliu || {});
