// One audit in the browser: all logs of the contracts replayed, signatures and state of what is in view compared.
(function (yuanliu) {
  'use strict';

  const CONTRACTS = ['Actors', 'Catalogue', 'Deliveries', 'Batches', 'Payments'];
  const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
  const { ChainError, Malformed, Refused } = yuanliu;
  const { lower, topic, address } = yuanliu.words;

  // What a deployment record says, as the audit needs it. Throws Malformed for what is none.
  function readDeployment(record) {
    const contracts = (record && record.contracts) || {};
    const missing = CONTRACTS.filter((name) => !contracts[name] || !/^0x[0-9a-fA-F]{40}$/.test(contracts[name].address));
    if (missing.length || !Number.isSafeInteger(record.chain_id) || !Number.isSafeInteger(record.block)) {
      throw new Malformed(missing.join(', ') || 'chain_id, block');
    }
    return {
      chainId: BigInt(record.chain_id),
      genesis: lower(record.genesis),
      block: record.block,
      sourceHash: String(record.source_hash),
      founding: lower(contracts.Actors.transaction),
      addresses: Object.fromEntries(Object.entries(contracts).map(([name, one]) => [name, lower(one.address)])),
    };
  }

  // ------------------------------------------------------------------ replay

  class Replay {
    constructor(scene, topics) {
      this.scene = scene;
      this.trade = new yuanliu.Trade(scene);
      this.custody = new yuanliu.Custody(scene);
      this.sales = new yuanliu.Sales(scene);
      this.goods = new yuanliu.Goods(scene, this.trade, this.custody, this.sales);
      const readers = {
        Actors: new yuanliu.People(scene).readers,
        Catalogue: this.trade.readers,
        Deliveries: this.trade.readers,
        Batches: {
          Recorded: (found, data) => this.goods.recorded(found, data),
          TransferSingle: (found, data) => this.custody.moved(found, data),
        },
        Payments: this.sales.readers,
      };
      this.readers = new Map();
      for (const name of CONTRACTS) {
        for (const [event, found] of Object.entries(topics[name])) {
          this.readers.set(scene.contracts[name] + found, readers[name][event]);
        }
      }
      this.ours = new Set(CONTRACTS.map((name) => scene.contracts[name]));
      this.recorded = topics.Batches.Recorded;
    }

    window(logs, times) {
      const { scene } = this;
      let before = -1;
      for (const { log, at, fault } of logs) {
        const where = { what: `block ${Number(log.blockNumber)}, log ${Number(log.logIndex)}` };
        if (fault === 'log-repeated') {
          this.at(log, times);
          scene.wrong('log-repeated', 'once', 'twice', where);
          continue;
        }
        if (at === before) continue; // a transfer of the payments' contract to itself answers both questions
        before = at;
        const hash = String(log.transactionHash).toLowerCase();
        if (hash !== scene.transaction) {
          this.end();
          scene.transaction = hash;
        }
        this.at(log, times);
        if (fault) scene.wrong(fault, "the chain's order", 'another', where);
        this.take(log, where.what);
      }
      this.end();
      scene.transaction = '';
    }

    at(log, times) {
      this.scene.block = Number(log.blockNumber);
      this.scene.time = times.get(this.scene.block) || 0n;
    }

    take(log, what) {
      const { scene } = this;
      try {
        if (!Array.isArray(log.topics) || !log.topics.length) throw new Malformed('no topics');
        const topics = log.topics.map(topic), data = lower(log.data), from = lower(log.address);
        if (this.ours.has(from)) {
          const read = this.readers.get(from + topics[0]);
          if (!read) throw new Malformed('an unknown event');
          scene.logs += 1;
          scene.signed.transaction = scene.transaction;
          scene.signed.block = scene.block;
          read(topics, data);
        } else if (topics[0] === TRANSFER) {
          if (topics.length === 3) this.sales.transferred(from, topics, data);
        } else {
          throw new Malformed('a log that was not asked for');
        }
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
        const [first, second] = Array.isArray(log.topics) ? log.topics : [];
        const batch = first === this.recorded && /^0x[0-9a-f]{64}$/.test(second) ? second : '';
        scene.wrong('log-malformed', 'a log of the contracts', error.message, { what, batch });
      }
    }

    // End a transaction.
    end() {
      const { scene } = this;
      if (!scene.transaction) return;
      this.goods.end();
      this.trade.end();
      this.sales.end();
      if (scene.signed.transaction) scene.transactions.push(scene.signed);
      scene.begin();
    }
  }

  // ------------------------------------------------------------------ the whole

  async function checkChain(node, deployment, published) {
    const found = BigInt(await node.request('eth_chainId', []));
    if (found !== deployment.chainId) throw new ChainError('wrong_chain', node.url, `${found} ≠ ${deployment.chainId}`);
    const first = await yuanliu.header(node, '0x0');
    if (first.hash !== deployment.genesis) throw new ChainError('wrong_genesis', node.url, first.hash);
    if (deployment.sourceHash !== published.source_hash) throw new ChainError('wrong_source', node.url, deployment.sourceHash);
  }

  // Audit. `scope` is what yuanliu.readScope gives; `step` hears ({stage, done, of, logs}). Throws ChainError, Refused.
  async function audit({ node, deployment, data, scope, step }) {
    const { published, rules } = data;
    await checkChain(node, deployment, published);
    const head = await yuanliu.header(node, 'latest');
    const scene = new yuanliu.Scene(deployment);
    const replay = new Replay(scene, published.topics);
    const payments = `0x${yuanliu.words.padded(deployment.addresses.Payments)}`;
    const queries = [
      { address: CONTRACTS.map((name) => deployment.addresses[name]) },
      { topics: [[TRANSFER], [payments]] },
      { topics: [[TRANSFER], null, [payments]] },
    ];
    await yuanliu.readLogs(node, queries, deployment.block, head, async (logs, times, last) => {
      replay.window(logs, times);
      const [done, of] = [last, head.number].map((block) => block - deployment.block + 1);
      await step({ stage: 'reading', done, of, logs: scene.logs });
    });
    const view = yuanliu.viewOf(scene, scope);
    const must = scene.transactions.filter((each) => view.concerns(each));
    const authors = new yuanliu.Authors(scene, node, published.selectors);
    await authors.check(must, (done) => step({ stage: 'signatures', done, of: must.length, logs: scene.logs }));
    scene.transaction = '';
    scene.block = head.number;
    const said = (done, of) => step({ stage: 'state', done, of, logs: scene.logs });
    const compared = await compare({ scene, node, head, queries, published, view, said });
    const still = await yuanliu.header(node, `0x${head.number.toString(16)}`);
    if (still.hash !== head.hash) throw new ChainError('went_back', node.url, String(head.number));
    const found = yuanliu.causes(scene.findings, Object.keys(rules));
    const own = found.filter((finding) => finding.group.some((each) => view.holds(each)));
    return {
      scene, view, head, compared, signatures: must.length,
      findings: own, elsewhere: found.filter((finding) => !own.includes(finding)),
      differs: node.differs || null,
    };
  }

  // Compare the state as of the head, or else as of now, if nothing happened since. Gives whether the code was the published.
  async function compare({ scene, node, head, queries, published, view, said }) {
    const before = scene.findings.length;
    for (const tag of [`0x${head.number.toString(16)}`, 'latest']) {
      scene.findings.length = before;
      try {
        const comparison = new yuanliu.Comparison(scene, node, tag, { published, selectors: published.selectors }, view);
        const sound = await comparison.code();
        if (sound) await comparison.all(said);
        scene.counts.questions = comparison.asked;
        if (tag !== 'latest') return sound;
        const now = await yuanliu.header(node, 'latest');
        const later = now.number > head.number ? await yuanliu.logsOf(node, queries, head.number + 1, now.number) : [];
        if (!later.length) return sound;
      } catch (error) {
        if (!(error instanceof ChainError && error.why === 'no_state') && !(error instanceof Refused)) throw error;
        if (tag === 'latest') throw error;
      }
    }
    throw new ChainError('no_state', node.url);
  }

  Object.assign(yuanliu, { readDeployment, audit });
})(globalThis.yuanliu = globalThis.yuanliu || {});
