// Whether each transaction carries the signatures of those in whose name it wrote, and whether they signed these words.
// The twin of backend/yuanliu/audit/authors.py.
//
// Checked here, from the transaction's bytes: its sender's signature, that of each request to the relay (with the number
// that the relay gave it), of each payment by authorisation, and of each key that consented to be bound; on secp256k1 and,
// for keys without an account, on P-256. A contract wallet and a passkey are asked on chain.
(function (yuanliu) {
  'use strict';

  const DEVNET = 31337n;
  const AT_ONCE = 100;
  const LEVELS = ['none', 'clerk', 'owner', 'retired'];
  const nameOf = ({ tag, who, content }) => `${tag} ${who} ${content}`;
  const { Malformed } = yuanliu;
  const { padded } = yuanliu.words;

  class Authors {
    constructor(scene, node, selectors) {
      Object.assign(this, { scene, node, selectors });
      this.reader = new yuanliu.SignedReader(scene.deployment, selectors);
      this.ours = new Set(['Actors', 'Catalogue', 'Deliveries', 'Batches', 'Payments'].map((name) => scene.contracts[name]));
      this.said = new yuanliu.Said(scene.contracts, selectors, (key) => this.actorOf(key));
      this.domains = new Map();
      this.code = new Map();
    }

    // Fetch transactions and check what each must carry. `step` hears how many are done.
    async check(transactions, step) {
      for (let at = 0; at < transactions.length; at += AT_ONCE) {
        const part = transactions.slice(at, at + AT_ONCE);
        const answers = await this.node.ask(part.map((must) => ['eth_getTransactionByHash', [must.transaction]]));
        for (const [i, must] of part.entries()) {
          if (answers[i] instanceof yuanliu.Refused) throw answers[i];
          await this.checkOne(must, answers[i]);
          if (i % 20 === 0) await step(at + i);
        }
      }
    }

    async checkOne(must, raw) {
      let sent, voices, consents, said;
      try {
        sent = yuanliu.readTransaction(raw, must.transaction);
        const place = Number(raw.blockNumber);
        if (place !== must.block) this.wrong(must, `block ${must.block}`, `block ${place}`);
      } catch (error) {
        if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
        this.wrong(must, 'a transaction that can be read', 'none');
        return;
      }
      try {
        [voices, consents, said] = await this.heard(sent, must);
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
        this.wrong(must, 'a call that can be read', error.message);
        return;
      }
      for (const [keys, what] of must.needed.values()) {
        if (keys.some((key) => voices.has(key)) || await this.byContract(keys, sent)) continue;
        const found = [...voices].sort().slice(0, 4).join(', ') || 'no signature';
        this.wrong(must, `${what} ${keys[0]}`, found, keys[0]);
      }
      for (const [key, party, level, roles, code] of must.consents) {
        const digest = this.reader.consentDigest(party, level, roles, code);
        let given = false;
        for (const signature of consents.get(key) || []) given = given || await this.signed(key, digest, signature);
        if (!given) this.wrong(must, `the consent of ${key} as ${LEVELS[level]}`, 'none', key);
      }
      await this.compare(must, sent, said);
    }

    // ---------------------------------------------------------------- what was said

    // Compare what the logs tell with what was signed, act by act.
    async compare(must, sent, said) {
      const signed = new Map();
      for (const act of said) signed.set(nameOf(act), (signed.get(nameOf(act)) || 0) + 1);
      const untold = [];
      for (const [act, batch] of must.told) {
        const name = nameOf(act);
        if (signed.get(name)) signed.set(name, signed.get(name) - 1);
        else if (act.sure && !await this.byWallet(act.who, must, sent)) untold.push([act, batch]);
      }
      const left = said.filter((act) => act.sure && signed.get(nameOf(act)));
      for (const [act, batch] of untold) {
        const at = left.findIndex((one) => one.tag === act.tag && one.who === act.who);
        const [meant] = at < 0 ? [] : left.splice(at, 1);
        const [expected, found] = yuanliu.difference(meant ? meant.content : '', act.content);
        this.differs(must, act, meant ? expected : 'nothing signed', meant ? found : `${act.tag} ${found}`, batch);
      }
      for (const act of left) {
        const batch = yuanliu.isRecord(act.tag) ? `0x${act.content.slice(0, 64)}` : '';
        this.differs(must, act, yuanliu.difference(act.content, '')[0], 'nothing told', batch);
      }
    }

    differs(must, { tag, who, content }, expected, found, batch) {
      this.scene.block = must.block;
      const more = { what: tag, batch, transaction: must.transaction };
      if (yuanliu.isRecord(tag)) {
        more.what = `${tag} of ${who}`;
      } else if (tag.startsWith('delivery')) {
        more.what = `receipt ${BigInt(`0x${content.slice(0, 16)}`)}`;
      } else {
        more.actor = who;
        if (tag === 'terms') more.token = `0x${content.slice(40, 80)}`;
      }
      this.scene.wrong('words-differ', expected, found, more);
    }

    actorOf(key) {
      const known = this.scene.keys.get(key);
      return known ? known.actor : key;
    }

    // Whether it was done by a contract of theirs, whose words a stranger's call does not show.
    async byWallet(who, must, sent) {
      for (const [keys] of must.needed.values()) {
        for (const key of keys) {
          if (['', key, this.actorOf(key)].includes(who) && await this.byContract([key], sent)) return true;
        }
      }
      return false;
    }

    wrong(must, expected, found, actor = '') {
      this.scene.block = must.block;
      this.scene.wrong('author-signature', expected, found, { actor, transaction: must.transaction });
    }

    // ---------------------------------------------------------------- whose voices are heard

    // Who signed, the consents that stand in what they said, by key, and what it says that they did.
    async heard(sent, must) {
      const voices = new Set(), calls = [], consents = new Map(), said = [];
      let requests;
      if (this.ours.has(sent.to)) {
        const sender = this.sender(sent);
        if (sender) voices.add(sender);
        calls.push(...this.reader.calls(sent.to, sent.data).map((call) => [sender || '', ...call]));
        requests = sent.to === this.reader.actors ? this.reader.requests(sent.data) : [];
      } else {
        requests = this.reader.embedded(sent.data);
        for (const part of this.reader.embeddedPayments(sent.data)) {
          const payer = await this.authorized(this.reader.payments, part, must);
          if (!payer) continue;
          voices.add(payer);
          const acts = this.said.of(payer, this.reader.payments, part);
          said.push(...acts.map((act) => ({ ...act, sure: false }))); // it may have failed
        }
      }
      const left = must.requests.slice();
      for (const request of requests) {
        const at = left.findIndex(([signer]) => signer === request.signer);
        if (at < 0 || request.value !== 0n) continue;
        const digest = this.reader.requestDigest(request, left[at][1]);
        if (!await this.signed(request.signer, digest, request.signature)) continue;
        const [[signer, nonce]] = left.splice(at, 1);
        voices.add(signer);
        if (must.failed.has(`${signer}:${nonce}`)) continue;
        calls.push(...this.reader.calls(request.to, request.data).map((call) => [signer, ...call]));
      }
      for (const [signer, to, data] of calls) {
        const payer = await this.authorized(to, data, must);
        if (payer) voices.add(payer);
        const consent = this.reader.consent(to, data);
        if (consent) consents.set(consent[0], [...(consents.get(consent[0]) || []), consent[1]]);
        said.push(...this.said.of(signer, to, data));
      }
      this.scene.count('signatures', voices.size);
      return [voices, consents, said];
    }

    sender(sent) {
      if (sent.sender === sent.stated) return sent.sender;
      if (!sent.impersonated || this.scene.chainId !== DEVNET) return null;
      this.scene.count('impersonated');
      return sent.stated;
    }

    async authorized(to, data, must) {
      const found = this.reader.authorization(to, data);
      if (!found) return null;
      for (const token of must.tokens) {
        const digest = yuanliu.typedDigest(await this.domain(token), found.struct);
        if (yuanliu.recover(BigInt(digest), found.r, found.s, found.parity) === found.payer) return found.payer;
      }
      return null;
    }

    async domain(token) {
      if (!this.domains.has(token)) {
        const [answer] = await this.node.ask([['eth_call', [{ to: token, data: '0x3644e515' }, 'latest']]]); // DOMAIN_SEPARATOR()
        this.domains.set(token, typeof answer === 'string' ? answer.toLowerCase() : '0x');
      }
      return this.domains.get(token);
    }

    // ---------------------------------------------------------------- keys without an account, contract wallets

    // Whether a key signed. A wallet that would not say so now may have other owners by now: that is noted.
    async signed(key, digest, signature) {
      if (yuanliu.recoverHex(digest, signature) === key || this.signedByKey(key, digest, signature)) return true;
      const padding = '0'.repeat((64 - (signature.length % 64)) % 64);
      const words = [padded(key), padded(digest), padded(96), padded(signature.length / 2)].join('');
      const data = `0x${this.selectors['Actors.isSigned']}${words}${signature}${padding}`;
      const [answer] = await this.node.ask([['eth_call', [{ to: this.reader.actors, data }, 'latest']]]);
      if (typeof answer === 'string' && /^0x0*1$/.test(answer)) {
        this.scene.count('asked');
        return true;
      }
      if (!await this.hasCode(key)) return false;
      this.scene.count('wallets');
      return true;
    }

    signedByKey(key, digest, signature) {
      const found = yuanliu.keySignature(signature);
      if (!found || found.verifier !== this.scene.contracts.P256Verifier || found.address !== key) return false;
      if (found.key.length !== 128 || found.inner.length !== 128) return false;
      const [x, y, r, s] = [found.key, found.inner].flatMap((hex) => [hex.slice(0, 64), hex.slice(64)])
        .map((hex) => BigInt(`0x${hex}`));
      return yuanliu.signedP256(BigInt(digest), r, s, x, y);
    }

    // Whether one of the keys is a contract, which acted by its own rules within a stranger's call.
    async byContract(keys, sent) {
      if (this.ours.has(sent.to)) return false;
      for (const key of keys) if (await this.hasCode(key)) return true;
      return false;
    }

    async hasCode(key) {
      if (!this.code.has(key)) {
        const [answer] = await this.node.ask([['eth_getCode', [key, 'latest']]]);
        if (answer instanceof yuanliu.Refused) throw answer;
        this.code.set(key, String(answer).length > 2);
      }
      return this.code.get(key);
    }
  }

  Object.assign(yuanliu, { Authors });
})(globalThis.yuanliu = globalThis.yuanliu || {});
