// Where in the chain the audit is, what it knows so far, and the one way to say that something is wrong.
// The twin of backend/yuanliu/audit/scene.py and facts.py. Addresses, ids and heads are lowercase hex with 0x, masses are
// milligrams unless named otherwise, money is the token's smallest unit; amounts, masses and numbers are BigInt.
(function (yuanliu) {
  'use strict';

  const NOBODY = `0x${'0'.repeat(40)}`;
  const LEVEL = { NONE: 0, CLERK: 1, OWNER: 2, RETIRED: 3 };
  const STATUS = { BOOKED: 1, ENTERED: 2, VOIDED: 3 };
  const FLAG = { REGISTERED: 1, HELD: 2, RECALLED: 4, DERIVED: 8 };
  const ROLES = ['platform', 'cooperative', 'farmer', 'inspector', 'carrier', 'retailer', 'regulator'];
  const ROLE = Object.fromEntries(ROLES.map((name, i) => [name.toUpperCase(), 1 << i]));

  const rolesText = (roles) => ROLES.filter((_, i) => (roles >> i) & 1).join(' | ') || 'no role';

  class Scene {
    constructor(deployment) {
      this.deployment = deployment;
      this.chainId = deployment.chainId;
      this.contracts = deployment.addresses;
      this.founding = deployment.founding;
      this.actors = new Map();
      this.keys = new Map();
      this.codes = new Map();
      this.nonces = new Map();
      this.tokens = new Map();
      this.products = new Map();
      this.authorities = new Map();
      this.terms = new Map();
      this.deliveries = new Map(); // cooperative, ':', receipt
      this.batches = new Map();
      this.chunks = new Map(); // batch, ':', number: [[member, weight]]
      this.holdings = new Map(); // batch, ':', holder
      this.offers = new Map(); // batch, ':', number
      this.readings = new Set();
      this.orders = new Set(); // payer, ':', order
      this.claimed = new Map(); // batch, ':', index: the pool's receipts up to which it was paid
      this.settled = new Map(); // batch, ':', chunk
      this.credits = new Map(); // token, ':', owner
      this.purses = new Map();
      this.counts = {};
      this.findings = [];
      this.payments = [];
      this.payouts = [];
      this.transactions = [];
      this.block = 0;
      this.time = 0n;
      this.transaction = '';
      this.logs = 0;
      this.begin();
    }

    // What the transaction that is being looked at must carry: for each entry of `needed` a signature of one of its keys.
    // `requests` are [signer, number] of relayed requests, `consents` [key, party, level, roles, code] of keys that were
    // bound, `tokens` what was paid in, `subjects` what it is about, `failed` the requests that did nothing, `told` what its
    // logs say that somebody did: [act, batch], as said.js has acts.
    begin() {
      this.signed = {
        transaction: '', block: 0, needed: new Map(), requests: [], failed: new Set(), consents: [], tokens: new Set(),
        subjects: new Set(), told: [],
      };
    }

    count(name, more = 1) {
      this.counts[name] = (this.counts[name] || 0) + more;
      return this.counts[name];
    }

    number(name) { return this.counts[name] || 0; }

    wrong(rule, expected, found, { what = '', batch = '', actor = '', token = '', transaction } = {}) {
      this.findings.push({
        rule, what, expected: String(expected), found: String(found), batch, actor, token,
        transaction: transaction === undefined ? this.transaction : transaction, block: this.block,
      });
    }

    // Say what the transaction is about: ids of batches, 'actor …', 'terms …', 'product …', 'delivery …'.
    about(...subjects) { for (const each of subjects) this.signed.subjects.add(each); }

    // Check that a key may write for an actor who has one of `roles` (0: none is needed). Gives his roles.
    author(actor, signer, roles, batch = '') {
      this.need([signer], 'signer');
      const key = this.keys.get(signer);
      if (!key) {
        if (signer !== actor) this.wrong('author-key', `a key of ${actor}`, signer, { batch, actor });
        else if (roles) this.lacks(actor, 0, roles, batch);
        return 0;
      }
      if (key.level === LEVEL.RETIRED || key.actor !== actor) {
        const what = key.level === LEVEL.RETIRED ? 'a retired key' : `a key of ${key.actor}`;
        this.wrong('author-key', `a key of ${actor}`, what, { batch, actor });
      }
      return this.acting(actor, roles, batch);
    }

    // Check that an actor has one of `roles` (0: none is needed) and is not suspended. Gives his roles.
    acting(actor, roles, batch = '') {
      const known = this.actors.get(actor);
      if (!known) {
        if (roles) this.lacks(actor, 0, roles, batch);
        return 0;
      }
      if (known.suspended) this.wrong('author-suspended', 'not suspended', 'suspended', { batch, actor });
      if (roles && !(known.roles & roles)) this.lacks(actor, known.roles, roles, batch);
      return known.roles;
    }

    // Check an act whose log names no key: any of the actor's may have signed; `owner`: not a clerk's.
    act(actor, roles, { owner = false } = {}) {
      this.need(this.keysOf(actor, owner), 'actor');
      return this.acting(actor, roles);
    }

    keysOf(actor, owner = false) {
      const known = this.actors.get(actor);
      if (!known) return [actor];
      return owner ? [known.key] : [known.key, ...known.clerks];
    }

    // Say that a log tells an act; `sure`: it must have been signed in these words.
    tell(tag, who, content, { batch = '', sure = true } = {}) {
      this.signed.told.push([{ tag, who, content, sure }, batch]);
    }

    need(keys, what) {
      const name = keys.join();
      if (!this.signed.needed.has(name)) this.signed.needed.set(name, [keys, what]);
    }

    lacks(actor, has, needed, batch) {
      this.wrong('author-role', rolesText(needed), rolesText(has), { batch, actor });
    }

    payoutOf(actor) {
      const known = this.actors.get(actor);
      return (known && known.payout) || actor;
    }

    levelOf(key) {
      const known = this.keys.get(key);
      return known ? known.level : LEVEL.NONE;
    }

    tokenOf(batch) {
      const terms = this.terms.get(batch.terms);
      return terms ? terms.token : '';
    }

    purse(token) {
      let found = this.purses.get(token);
      if (!found) this.purses.set(token, found = { came: 0n, went: 0n, gifts: 0n, owed: 0n });
      return found;
    }
  }

  Object.assign(yuanliu, { Scene, NOBODY, LEVEL, STATUS, FLAG, ROLE, rolesText });
})(globalThis.yuanliu = globalThis.yuanliu || {});
