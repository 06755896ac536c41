// What may be traded and what was delivered: tokens, products, terms, deliveries, from their logs.
// The twin of backend/yuanliu/audit/trade.py.
(function (yuanliu) {
  'use strict';

  const MAX_GRADE = 20000n;
  const MAX_REASON = 512;
  const TERMS_WORDS = 7;
  const WHOLE_BPS = 10000n;
  const MIN_FARMER_BPS = 3000n;
  const STATUS_WORDS = [, 'booked', 'entered', 'voided']; // eslint-disable-line no-sparse-arrays -- by number
  const { NOBODY, STATUS, ROLE, rolesText } = yuanliu;
  const { address, number, addressAt, bytesAt, numberAt, wordAt } = yuanliu.words;

  const gtinText = (gtin) => String(gtin).padStart(14, '0');

  function isGtin(gtin) {
    const sum = [...gtinText(gtin)].reduce((all, digit, i) => all + digit * (i % 2 ? 1 : 3), 0);
    return gtin > 0n && gtin < 10n ** 14n && sum % 10 === 0;
  }

  function few(items) {
    const shown = items.slice(0, 5).join(', ');
    return items.length > 5 ? `${shown} … (${items.length})` : shown || 'none';
  }

  // Why ratios (farmer, cooperative, platform) are none: [right, found]; null if they are.
  function ratiosFault([farmer, cooperative, platform]) {
    const total = farmer + cooperative + platform;
    if (total !== WHOLE_BPS) return [`a sum of ${WHOLE_BPS}`, total];
    if (farmer < MIN_FARMER_BPS) return [`at least ${MIN_FARMER_BPS} for the farmers`, farmer];
    return null;
  }

  class Trade {
    constructor(scene) {
      this.scene = scene;
      this.entered = []; // [cooperative, receipt, batch] of what was entered and stands in no record yet
      this.readers = {
        TokenListed: (topics, data) => this.token(topics, data),
        ProductListed: (topics, data) => this.product(topics, data),
        TermsPublished: (topics, data) => this.published(topics, data),
        TermsAuthorityChanged: (topics, data) => this.authority(topics, data),
        DeliveryBooked: (topics, data) => this.booked(topics, data),
        DeliveryVoided: (topics, data) => this.voided(topics, data),
        DeliveryEntered: (topics) => {
          this.entered.push([address(topics[1]), number(topics[2], 64), topics[3]]);
        },
      };
    }

    // ---------------------------------------------------------------- catalogue

    token(topics, data) {
      const token = address(topics[1]), by = address(topics[2]);
      this.scene.act(by, ROLE.PLATFORM);
      this.scene.tell('token', by, token.slice(2) + data.slice(64, 66));
      this.scene.tokens.set(token, numberAt(data, 0, 1) === 1n);
      this.scene.purse(token);
    }

    product(topics, data) {
      const { scene } = this;
      const gtin = number(topics[1], 64), cooperative = address(topics[2]), by = addressAt(data, 1);
      const what = gtinText(gtin);
      scene.act(by, ROLE.PLATFORM);
      scene.about(`product ${gtin}`);
      scene.tell('product', by, topics[1].slice(50) + cooperative.slice(2) + data.slice(2, 8));
      if (scene.products.has(gtin)) scene.wrong('catalogue-invalid', 'a new product', 'one that is listed', { what });
      const owner = scene.actors.get(cooperative);
      if (!owner || !(owner.roles & ROLE.COOPERATIVE)) {
        scene.wrong('catalogue-invalid', 'a cooperative', cooperative, { what, actor: cooperative });
      }
      if (!isGtin(gtin)) scene.wrong('catalogue-invalid', 'a right check digit', what, { what: 'GTIN' });
      scene.products.set(gtin, { cooperative, unit: wordAt(data, 0).slice(2, 8), inForce: 0n });
    }

    authority(topics, data) {
      const { scene } = this;
      const cooperative = address(topics[1]), authority = address(topics[2]);
      const by = addressAt(data, 0);
      this.byAuthority(cooperative, by);
      scene.tell('terms authority', by, cooperative.slice(2) + authority.slice(2));
      if (authority === NOBODY) scene.wrong('catalogue-invalid', 'an authority', authority, { actor: cooperative });
      scene.authorities.set(cooperative, authority);
    }

    byAuthority(cooperative, by) {
      const { scene } = this;
      const authority = scene.authorities.get(cooperative) || cooperative;
      scene.act(by, 0, { owner: true });
      if (by !== authority) {
        scene.wrong('author-role', `the terms' authority ${authority}`, by, { actor: cooperative });
      }
    }

    published(topics, data) {
      const { scene } = this;
      const id = number(topics[1], 32), gtin = number(topics[2], 64), cooperative = address(topics[3]);
      const terms = {
        token: addressAt(data, 0),
        bps: [1, 2, 3].map((i) => numberAt(data, i, 16)),
        cooperativePayee: addressAt(data, 4),
        floor: numberAt(data, 5, 96),
        platformPayee: addressAt(data, 6),
        gtin,
        cooperative,
      };
      scene.about(`terms ${id}`);
      const by = addressAt(data, 7);
      this.byAuthority(cooperative, by);
      scene.tell('terms', by, topics[2].slice(50) + data.slice(2, 2 + 64 * TERMS_WORDS));
      this.checkTerms(terms, id);
      const product = scene.products.get(gtin);
      if (!product || product.cooperative !== cooperative) {
        const found = product ? product.cooperative : 'none';
        scene.wrong('terms-invalid', `a product of ${cooperative}`, found, { what: gtinText(gtin) });
      } else {
        product.inForce = id;
      }
      scene.terms.set(id, terms);
    }

    checkTerms(terms, id) {
      const { scene } = this;
      const { token } = terms;
      const wrong = (expected, found) => scene.wrong('terms-invalid', expected, found, { what: `terms ${id}`, token });
      const expected = scene.count('terms');
      if (id !== BigInt(expected)) {
        wrong(`number ${expected}`, id);
        scene.count('terms', Number(id) - expected);
      }
      const fault = ratiosFault(terms.bps);
      if (fault) wrong(...fault);
      const payees = [terms.cooperativePayee, terms.platformPayee];
      if (payees.includes(NOBODY) || payees[0] === payees[1]) wrong('two different payees', terms.platformPayee);
      if (!scene.tokens.get(token)) wrong('a listed token', token);
    }

    // ---------------------------------------------------------------- deliveries

    booked(topics, data) {
      const { scene } = this;
      const cooperative = address(topics[1]), receipt = number(topics[2], 64), farmer = address(topics[3]);
      const gtin = number(wordAt(data, 0), 64), grams = numberAt(data, 1, 40), grade = numberAt(data, 2, 16);
      const terms = numberAt(data, 4, 32), signer = addressAt(data, 5);
      const key = `${cooperative}:${receipt}`, what = `receipt ${receipt}`;
      const wrong = (expected, found) => (
        scene.wrong('delivery-invalid', expected, found, { what, actor: cooperative }));
      scene.author(cooperative, signer, ROLE.COOPERATIVE);
      scene.about(`delivery ${key}`);
      const bytes = (from, to) => data.slice(2 + 2 * from, 2 + 2 * to);
      const said = [topics[2].slice(50), farmer.slice(2), bytes(24, 32), bytes(59, 64), bytes(94, 96), bytes(116, 128)];
      scene.tell('delivery', signer, said.join(''));
      if (receipt === 0n || scene.deliveries.has(key)) wrong('a new receipt', receipt);
      if (grams === 0n || grade < 1n || grade > MAX_GRADE) {
        wrong(`grams, and a grade of 1 to ${MAX_GRADE}`, `${grams} g, ${grade}`);
      }
      const who = scene.actors.get(farmer);
      if (!who || who.enroller !== cooperative || !(who.roles & ROLE.FARMER)) {
        wrong('a farmer of the cooperative', `${farmer}: ${who ? rolesText(who.roles) : 'nobody'}`);
      } else if (who.suspended) {
        wrong('a farmer who is not suspended', farmer);
      }
      const product = scene.products.get(gtin);
      if (!product || product.cooperative !== cooperative) {
        wrong('a product of the cooperative', gtinText(gtin));
      } else if (product.inForce !== terms || !terms) {
        scene.wrong('terms-not-in-force', product.inForce, terms, { what, actor: cooperative });
      }
      const known = scene.terms.get(terms);
      if (known && (farmer === known.cooperativePayee || farmer === known.platformPayee)) {
        wrong('a farmer who is no payee', farmer);
      }
      scene.deliveries.set(key, { cooperative, receipt, farmer, grams, grade, terms, status: STATUS.BOOKED });
      scene.count('deliveries');
    }

    voided(topics, data) {
      const { scene } = this;
      const cooperative = address(topics[1]), receipt = number(topics[2], 64);
      const said = bytesAt(data, 0), reason = said.length / 2, signer = addressAt(data, 1);
      scene.author(cooperative, signer, ROLE.COOPERATIVE);
      scene.tell('delivery voided', signer, topics[2].slice(50) + said);
      if (reason < 1 || reason > MAX_REASON) {
        const found = { what: `receipt ${receipt}`, actor: cooperative };
        scene.wrong('delivery-invalid', `a reason of 1 to ${MAX_REASON} bytes`, reason, found);
      }
      this.use(cooperative, receipt, STATUS.VOIDED, '');
    }

    use(cooperative, receipt, status, batch) {
      const delivery = this.scene.deliveries.get(`${cooperative}:${receipt}`);
      this.scene.about(`delivery ${cooperative}:${receipt}`);
      if (!delivery || delivery.status !== STATUS.BOOKED) {
        const found = delivery ? STATUS_WORDS[delivery.status] : 'never booked';
        const more = { what: `receipt ${receipt}`, batch, actor: cooperative };
        this.scene.wrong('delivery-not-free', 'booked', found, more);
      }
      if (delivery) delivery.status = status;
      return delivery;
    }

    // Enter deliveries as a record lists them. Gives [receipt, delivery] of those that are known.
    enter(batch, cooperative, entries) {
      const { scene, entered } = this;
      const logged = entered.filter(([owner, , into]) => owner === cooperative && into === batch)
        .map(([, receipt]) => receipt);
      const listed = entries.map((entry) => entry.receipt);
      if (logged.length !== entered.length || logged.join() !== listed.join()) {
        const all = entered.map(([, receipt]) => receipt);
        scene.wrong('delivery-entry', `receipts ${few(all)}`, `receipts ${few(listed)}`, { batch, actor: cooperative });
      }
      this.entered = [];
      const found = [];
      for (const { receipt, farmer, grams, grade_bps: grade } of entries) {
        const delivery = this.use(cooperative, receipt, STATUS.ENTERED, batch);
        if (!delivery) continue;
        const booked = `${delivery.farmer} ${delivery.grams} g ${delivery.grade}`;
        const said = `${farmer} ${grams} g ${grade}`;
        if (booked !== said) {
          scene.wrong('delivery-entry', booked, said, { what: `receipt ${receipt}`, batch, actor: cooperative });
        }
        delivery.batch = batch;
        found.push([receipt, delivery]);
      }
      return found;
    }

    end() {
      for (const [cooperative, receipt, batch] of this.entered) {
        const more = { what: `receipt ${receipt}`, batch, actor: cooperative };
        this.scene.wrong('delivery-entry', 'a record of the batch', 'none', more);
      }
      this.entered = [];
    }
  }

  Object.assign(yuanliu, { Trade, gtinText, ratiosFault });
})(globalThis.yuanliu = globalThis.yuanliu || {});
