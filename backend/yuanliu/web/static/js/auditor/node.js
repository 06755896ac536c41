// Asks nodes of the chain, by JSON-RPC. A second one may be asked the same: whoever controls the only node that is asked
// could show another chain.
(function (yuanliu) {
  'use strict';

  const SECONDS = 60;
  const AT_ONCE = 100; // calls of one round trip
  const SINGLE = 6; // of a node that takes no batches
  const FIRST_WINDOW = 2000;
  const MAX_WINDOW = 100000;
  const FEW_LOGS = 2000;
  const MANY_LOGS = 12000;

  // The audit cannot be done: `why` is bad_address, unreachable, nonsense, refused, wrong_chain, wrong_genesis,
  // wrong_source, short, went_back, no_state.
  class ChainError extends Error {
    constructor(why, node, more = '') {
      super(`${why}: ${node} ${more}`);
      Object.assign(this, { why, node, more });
    }
  }

  // What a node answers instead of a result.
  class Refused extends Error {}

  class Node {
    constructor(url) {
      this.url = url;
      this.batches = true;
      if (!/^https?:\/\/[^\s]+$/.test(url)) throw new ChainError('bad_address', url);
    }

    async post(body) {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), SECONDS * 1000);
      let answer;
      try {
        const headers = { 'Content-Type': 'application/json' };
        const sent = { method: 'POST', headers, body: JSON.stringify(body), signal: stop.signal };
        answer = await fetch(this.url, { ...sent, credentials: 'omit', cache: 'no-store' });
      } catch (error) {
        throw new ChainError('unreachable', this.url, String(error.message));
      } finally {
        clearTimeout(timer);
      }
      try {
        return await answer.json();
      } catch {
        throw new ChainError('nonsense', this.url, `HTTP ${answer.status}`);
      }
    }

    read(answer) {
      if (!answer || typeof answer !== 'object') throw new ChainError('nonsense', this.url);
      if (answer.error) return new Refused(String(answer.error.message || answer.error).slice(0, 300));
      if (answer.result === undefined) throw new ChainError('nonsense', this.url);
      return answer.result;
    }

    async request(method, params) {
      const found = this.read(await this.post({ jsonrpc: '2.0', id: 1, method, params }));
      if (found instanceof Refused) throw found;
      return found;
    }

    // Make many calls; give each one's result, or the Refused that it ended in.
    async ask(calls) {
      const found = [];
      for (let at = 0; at < calls.length; at += AT_ONCE) found.push(...await this.part(calls.slice(at, at + AT_ONCE)));
      return found;
    }

    async part(calls) {
      if (this.batches && calls.length > 1) {
        const requests = calls.map(([method, params], id) => ({ jsonrpc: '2.0', id, method, params }));
        const answers = await this.post(requests);
        if (Array.isArray(answers) && answers.length === calls.length) {
          const byId = new Map(answers.map((answer) => [answer && answer.id, answer]));
          return requests.map(({ id }) => this.read(byId.get(id)));
        }
        this.batches = false;
      }
      const found = [];
      for (let at = 0; at < calls.length; at += SINGLE) {
        found.push(...await Promise.all(calls.slice(at, at + SINGLE).map(async ([method, params]) => (
          this.read(await this.post({ jsonrpc: '2.0', id: 1, method, params }))))));
      }
      return found;
    }
  }

  // ------------------------------------------------------------------ two nodes

  const small = (value) => (typeof value === 'string' ? value.toLowerCase() : value);
  const KEPT = {
    eth_getLogs: (logs) => (Array.isArray(logs) ? logs.map((log) => [log.blockNumber, log.logIndex, log.blockHash,
      log.transactionHash, log.address, log.topics, log.data].flat().map(small)) : logs),
    eth_getBlockByNumber: (block) => block && [block.number, block.hash, block.parentHash, block.timestamp],
    eth_getTransactionByHash: (sent) => (
      sent && [sent.hash, sent.from, sent.to, sent.input, sent.r, sent.s, sent.blockNumber].map(small)),
  };
  const kept = (method, answer) => JSON.stringify(answer instanceof Refused ? 'refused' : (KEPT[method] || small)(answer));

  // Asks both and gives what the first says. `differs` is the first question that they answered differently.
  class Both {
    constructor(first, second) {
      Object.assign(this, { first, second, url: first.url, differs: null });
    }

    compare(method, params, one, two) {
      if (!this.differs && kept(method, one) !== kept(method, two)) this.differs = { method, params };
    }

    async request(method, params) {
      if (params[0] === 'latest') return this.head(method, params);
      const [one, two] = await Promise.all([this.first, this.second].map((node) => node.request(method, params)));
      this.compare(method, params, one, two);
      return one;
    }

    // The lower of both heads: one of them may be behind.
    async head(method, params) {
      const found = await Promise.all([this.first, this.second].map((node) => node.request(method, params)));
      return found.sort((a, b) => Number(a.number) - Number(b.number))[0];
    }

    async ask(calls) {
      const [one, two] = await Promise.all([this.first.ask(calls), this.second.ask(calls)]);
      calls.forEach(([method, params], i) => this.compare(method, params, one[i], two[i]));
      return one;
    }
  }

  // ------------------------------------------------------------------ logs, window by window

  const hex = (number) => `0x${number.toString(16)}`;

  async function header(node, tag) {
    const block = await node.request('eth_getBlockByNumber', [tag, false]);
    if (!block) throw new ChainError('short', node.url, String(tag));
    const [hash, parent] = [block.hash, block.parentHash].map(small);
    if (![hash, parent].every((each) => /^0x[0-9a-f]{64}$/.test(each))) throw new ChainError('nonsense', node.url, 'a block');
    return { number: Number(block.number), hash, parent, time: BigInt(block.timestamp) };
  }

  const place = (log) => Number(log.blockNumber) * 2 ** 20 + Number(log.logIndex);

  // The contracts' logs and the transfers from and to the payments' one, of some blocks; what is out of order is marked.
  async function logsOf(node, queries, first, last) {
    const found = [];
    for (const query of queries) {
      const logs = await node.request('eth_getLogs', [{ ...query, fromBlock: hex(first), toBlock: hex(last) }]);
      if (!Array.isArray(logs)) throw new ChainError('nonsense', node.url, 'eth_getLogs');
      let before = -1;
      for (const log of logs) {
        const at = place(log);
        if (!(at >= 0) || Number(log.blockNumber) < first || Number(log.blockNumber) > last) {
          throw new ChainError('nonsense', node.url, 'a log without a block');
        }
        found.push({ log, at, fault: at === before ? 'log-repeated' : at < before ? 'log-order' : '' });
        before = Math.max(at, before);
      }
    }
    return found.sort((a, b) => a.at - b.at);
  }

  async function timesOf(node, logs) {
    const times = new Map(), hashes = new Map();
    for (const { log } of logs) {
      const number = Number(log.blockNumber);
      if (hashes.has(number) && hashes.get(number) !== log.blockHash) {
        throw new ChainError('nonsense', node.url, 'two hashes of one block');
      }
      hashes.set(number, log.blockHash);
      if (log.blockTimestamp) times.set(number, BigInt(log.blockTimestamp));
    }
    const missing = [...hashes.keys()].filter((number) => !times.has(number));
    const blocks = await node.ask(missing.map((number) => ['eth_getBlockByNumber', [hex(number), false]]));
    blocks.forEach((block, i) => {
      if (!block || block.hash !== hashes.get(missing[i])) throw new ChainError('went_back', node.url, String(missing[i]));
      times.set(missing[i], BigInt(block.timestamp));
    });
    return times;
  }

  // Read windows from block `first` to the head `head`; `take` gets each one's logs and times.
  async function readLogs(node, queries, first, head, take) {
    let size = FIRST_WINDOW, at = first, before = null;
    while (at <= head.number) {
      const last = Math.min(head.number, at + size - 1);
      let logs;
      try {
        logs = await logsOf(node, queries, at, last);
      } catch (error) {
        if (size === 1 || (error instanceof ChainError && error.why !== 'unreachable')) throw error;
        if (!(error instanceof ChainError || error instanceof Refused)) throw error;
        await header(node, 'latest'); // is it there at all?
        size = Math.max(Math.floor(Math.min(size, last - at + 1) / 2), 1);
        continue;
      }
      const [opening, closing] = [await header(node, hex(at)), await header(node, hex(last))];
      if (before && opening.parent !== before) throw new ChainError('went_back', node.url, String(at));
      const ends = logs.filter(({ log }) => Number(log.blockNumber) === last);
      if (ends.some(({ log }) => small(log.blockHash) !== closing.hash)) {
        throw new ChainError('went_back', node.url, String(last));
      }
      await take(logs, await timesOf(node, logs), last);
      before = closing.hash;
      at = last + 1;
      if (logs.length > MANY_LOGS) size = Math.max(Math.floor(size / 2), 1);
      else if (logs.length < FEW_LOGS) size = Math.min(size * 2, MAX_WINDOW);
    }
  }

  Object.assign(yuanliu, { Node, Both, ChainError, Refused, header, logsOf, readLogs });
})(globalThis.yuanliu = globalThis.yuanliu || {});
