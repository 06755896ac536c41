// Asks a node of the chain, by JSON-RPC, what the contracts say of a batch.
(function (yuanliu) {
  'use strict';

  const SECONDS = 12;
  const { unhex } = yuanliu;

  // The first four bytes of keccak256 of each function's signature; a test compares them with the contracts.
  const SELECTORS = {
    'headOf(uint256)': '5ad8a111',
    'batchOf(uint256)': '18c10885',
    'parentsOf(uint256)': '26de059d',
    'recalledBy(uint256)': 'e2566f19',
    'refresh(uint256)': '9c75dd35',
    'CATALOGUE()': 'd10ad02b',
    'ACTORS()': 'b891c7a8',
    'PAYMENTS()': '44a033f0',
    'termsOf(uint32)': '8eeda103',
    'actorOf(address)': '2164961d',
    'poolOf(uint256)': '83966021',
  };

  // The node did not answer, or not as a node of this chain: `why` is unreachable, wrong_chain, no_contract, insecure,
  // bad_address.
  class ChainError extends Error {
    constructor(why, node, more = {}) {
      super(`${why}: ${node}`);
      Object.assign(this, { why, node, more });
    }
  }

  class Refused extends Error {}

  class Node {
    constructor(url) {
      this.url = url;
      if (!/^https?:\/\/[^\s]+$/.test(url)) throw new ChainError('bad_address', url);
      const near = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/]?/.test(`${url}/`);
      if (globalThis.location.protocol === 'https:' && url.startsWith('http:') && !near) {
        throw new ChainError('insecure', url);
      }
    }

    async request(method, params) {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), SECONDS * 1000);
      let answer;
      try {
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
        const headers = { 'Content-Type': 'application/json' };
        const sent = { method: 'POST', headers, body, signal: stop.signal, credentials: 'omit', cache: 'no-store' };
        answer = await (await fetch(this.url, sent)).json();
      } catch {
        throw new ChainError('unreachable', this.url);
      } finally {
        clearTimeout(timer);
      }
      if (answer && answer.error) throw new Refused(String(answer.error.message));
      if (!answer || answer.result === undefined || answer.result === null) throw new ChainError('unreachable', this.url);
      return answer.result;
    }

    // Call a view; give the words of its answer as hex without 0x. Throws Refused if the contract reverts.
    async call(to, name, ...words) {
      const data = `0x${SELECTORS[name]}${words.map(padded).join('')}`;
      const found = await this.request('eth_call', [{ to, data }, 'latest']);
      if (found === '0x') throw new ChainError('no_contract', this.url);
      if (!/^0x([0-9a-fA-F]{64})+$/.test(found)) throw new ChainError('unreachable', this.url);
      return found.slice(2).toLowerCase().match(/.{64}/g);
    }
  }

  const padded = (value) => (typeof value === 'string' ? value.replace(/^0x/, '').toLowerCase()
    : BigInt(value).toString(16)).padStart(64, '0');
  const number = (word) => BigInt(`0x${word}`);
  const address = (word) => `0x${word.slice(24)}`;
  const code = (word) => yuanliu.text(unhex(word.slice(0, 32))).replace(/\0+$/, '');

  // What the node says now: head, flags, price, units, farmer, and whether the lineage is clear of recalls.
  // `clear` is null if the contract cannot tell.
  async function look(node, { chain, contract, batch }) {
    const [id, block, head, found, clear] = await Promise.all([
      node.request('eth_chainId', []),
      node.request('eth_getBlockByNumber', ['latest', false]),
      node.call(contract, 'headOf(uint256)', batch),
      node.call(contract, 'batchOf(uint256)', batch),
      node.call(contract, 'refresh(uint256)', batch).catch(unknown),
    ]).catch((error) => {
      if (error instanceof Refused) throw new ChainError('no_contract', node.url);
      throw error;
    });
    if (BigInt(id) !== BigInt(chain)) {
      throw new ChainError('wrong_chain', node.url, { found: Number(BigInt(id)), expected: chain });
    }
    const flags = Number(number(found[3]));
    return {
      block: Number(BigInt(block.number)),
      time: Number(BigInt(block.timestamp)),
      head: head[0],
      moved: head[0] !== found[0],
      cooperative: address(found[1]),
      terms: number(found[2]),
      held: (flags & 2) !== 0,
      recalled: (flags & 4) !== 0,
      derived: (flags & 8) !== 0,
      farmer: number(found[5]) ? address(found[5]) : null,
      price: number(found[6]),
      units: number(found[8]),
      clear: clear && number(clear[0]) === 1n,
    };
  }

  function unknown(error) {
    if (error instanceof Refused) return null;
    throw error;
  }

  // What the other contracts say; their addresses are asked of the batches' contract itself.
  async function surroundings(node, contract, { terms, batch, actors }) {
    const [catalogue, people, payments] = await Promise.all(
      ['CATALOGUE()', 'ACTORS()', 'PAYMENTS()'].map(async (name) => address((await node.call(contract, name))[0])));
    const [t, pool, ...codes] = await Promise.all([
      node.call(catalogue, 'termsOf(uint32)', terms),
      node.call(payments, 'poolOf(uint256)', batch),
      ...actors.map((each) => node.call(people, 'actorOf(address)', each)),
    ]);
    return {
      bps: [1, 2, 3].map((i) => number(t[i])),
      floor: number(t[5]),
      received: number(pool[1]),
      codes: new Map(actors.map((each, i) => [each, code(codes[i][6])])),
    };
  }

  // The parents of a batch, as ids in hex with 0x.
  async function parents(node, contract, batch) {
    const words = await node.call(contract, 'parentsOf(uint256)', batch);
    return words.slice(2).map((word) => `0x${word}`);
  }

  async function recalled(node, contract, batch) {
    return number((await node.call(contract, 'recalledBy(uint256)', batch))[0]) !== 0n;
  }

  Object.assign(yuanliu, { Node, ChainError, SELECTORS, look, surroundings, parents, recalled });
})(globalThis.yuanliu = globalThis.yuanliu || {});
