// Who signed a transaction and the requests within it, found out from the bytes. The twin of backend/yuanliu/chain/signed.py.
// Calldata is hex without 0x; places in it are counted in bytes.
(function (yuanliu) {
  'use strict';

  const { Malformed } = yuanliu;
  const { lower, padded, raw, keccakOf } = yuanliu.words;

  const textHash = (text) => keccakOf(yuanliu.hex(yuanliu.ascii(text)));
  const DOMAIN = textHash('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)');
  const REQUEST = textHash('ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,'
    + 'uint48 deadline,bytes data)');
  const AUTHORIZATION = textHash('ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,'
    + 'uint256 validBefore,bytes32 nonce)');
  const CONSENT = textHash('Consent(address party,uint8 level,uint16 roles,bytes16 code)');

  const typed = (domain, struct) => keccakOf(`1901${domain.slice(2)}${struct.slice(2)}`);
  const structOf = (...words) => keccakOf(words.map((word) => padded(word)).join(''));

  // ------------------------------------------------------------------ transactions

  const even = (hex) => (hex.length % 2 ? `0${hex}` : hex);
  const numberHex = (value) => (value ? even(value.toString(16)) : '');

  function length(size, base) {
    if (size < 56) return (base + size).toString(16).padStart(2, '0');
    const number = numberHex(size);
    return (base + 55 + number.length / 2).toString(16) + number;
  }

  // Encode hex without 0x, or lists of such.
  function rlp(item) {
    if (typeof item === 'string') {
      return item.length === 2 && parseInt(item, 16) < 0x80 ? item : length(item.length / 2, 0x80) + item;
    }
    const joined = item.map(rlp).join('');
    return length(joined.length / 2, 0xc0) + joined;
  }

  const bare = (text) => lower(text || '0x').slice(2);
  const quantity = (text) => {
    if (typeof text !== 'string' || !/^0x[0-9a-f]+$/i.test(text)) throw new Malformed('no number');
    return BigInt(text);
  };

  function fieldsOf(raw_, kind, to, data) {
    const number = (name) => numberHex(quantity(raw_[name]));
    if (kind === 0n) return [number('nonce'), number('gasPrice'), number('gas'), to, number('value'), data];
    const lists = (raw_.accessList || []).map((entry) => [bare(entry.address), entry.storageKeys.map(bare)]);
    const chain = number('chainId'), nonce = number('nonce'), gas = number('gas'), value = number('value');
    if (kind === 1n) return [chain, nonce, number('gasPrice'), gas, to, value, data, lists];
    if (kind !== 2n && kind !== 4n) throw new Malformed(`transactions of type ${kind} are not known`);
    const fields = [chain, nonce, number('maxPriorityFeePerGas'), number('maxFeePerGas'), gas, to, value, data, lists];
    if (kind === 4n) {
      fields.push(raw_.authorizationList.map((one) => [
        numberHex(quantity(one.chainId)), bare(one.address),
        ...['nonce', 'yParity', 'r', 's'].map((name) => numberHex(quantity(one[name]))),
      ]));
    }
    return fields;
  }

  // Read a transaction as the node gives it: its hash is made anew from its fields, its sender recovered. `sender` is null
  // if the fields are not those of the hash, or the signature is nobody's; `stated` is whom the node names.
  // `impersonated`: a development node sent it in somebody's name without his key.
  function readTransaction(raw_, hash) {
    if (!raw_ || typeof raw_ !== 'object') throw new Malformed('no transaction');
    const kind = quantity(raw_.type || '0x0');
    const r = quantity(raw_.r), s = quantity(raw_.s);
    const v = quantity((kind && raw_.yParity) || raw_.v);
    const data = bare(raw_.input || raw_.data), to = bare(raw_.to);
    const body = fieldsOf(raw_, kind, to, data).map(rlp).join('');
    const prefix = kind ? kind.toString(16).padStart(2, '0') : '';
    let parity = v, signed = body;
    if (kind === 0n) {
      parity = v >= 35n ? (v - 35n) % 2n : v - 27n;
      if (v >= 35n) signed += rlp(numberHex((v - 35n) / 2n)) + rlp('') + rlp('');
    }
    const end = [v, r, s].map((value) => rlp(numberHex(value))).join('');
    const whole = keccakOf(prefix + length((body.length + end.length) / 2, 0xc0) + body + end);
    let sender = null;
    if (whole === hash) {
      const digest = BigInt(keccakOf(prefix + length(signed.length / 2, 0xc0) + signed));
      sender = yuanliu.recover(digest, r, s, parity);
    }
    return { sender, stated: lower(raw_.from), to: `0x${to}`, data, impersonated: r === s && s <= 1n };
  }

  // `recover` from 65 bytes in hex without 0x: r, s, v.
  function recoverHex(digest, signature) {
    if (signature.length !== 130) return null;
    const [r, s] = [0, 64].map((at) => BigInt(`0x${signature.slice(at, at + 64)}`));
    return yuanliu.recover(BigInt(digest), r, s, BigInt(parseInt(signature.slice(128), 16)) - 27n);
  }

  // ------------------------------------------------------------------ calldata

  function wordAt(body, at) {
    const found = body.slice(2 * at, 2 * at + 64);
    if (found.length !== 64) throw new Malformed('the call ends within a word');
    return found;
  }

  function countAt(body, at) {
    const found = BigInt(`0x${wordAt(body, at)}`);
    if (found > BigInt(body.length)) throw new Malformed('the call ends within a list');
    return Number(found);
  }

  function bytesAt(body, at) {
    const size = countAt(body, at), found = body.slice(2 * at + 64, 2 * (at + 32 + size));
    if (found.length !== 2 * size) throw new Malformed('the call ends within a text');
    return found;
  }

  const addressAt = (body, at) => `0x${wordAt(body, at).slice(24)}`;
  const numberAt = (body, at) => BigInt(`0x${wordAt(body, at)}`);

  function requestAt(body, at) {
    return {
      signer: addressAt(body, at), to: addressAt(body, at + 32), value: numberAt(body, at + 64), gas: numberAt(body, at + 96),
      deadline: numberAt(body, at + 128), data: bytesAt(body, at + countAt(body, at + 160)),
      signature: bytesAt(body, at + countAt(body, at + 192)),
    };
  }

  // Read each part of some calldata that begins with a selector; what cannot be read is none.
  function partsOf(data, selector, read) {
    const found = [];
    for (let at = data.indexOf(selector, 1); at >= 0; at = data.indexOf(selector, at + 1)) {
      if (at % 2) continue;
      try {
        found.push(read(data.slice(at)));
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
      }
    }
    return found;
  }

  // Takes calls of the contracts apart. `selectors` are by contract and name, without 0x.
  class Reader {
    constructor({ chainId, addresses }, selectors) {
      this.chainId = chainId;
      this.selectors = Object.fromEntries(Object.entries(selectors).map(([name, selector]) => [name.split('.')[1], selector]));
      this.actors = addresses.Actors;
      this.payments = addresses.Payments;
      this.domain = structOf(DOMAIN, textHash('Yuanliu'), textHash('1'), chainId, this.actors);
      this.binding = new Map([['enrol', 3], ['appointClerk', 1], ['rotateKey', 1], ['proposeRecovery', 2]]
        .map(([name, words]) => [this.selectors[name], [name, words]]));
    }

    // What the signer of a request signed, if it was his of that number.
    requestDigest({ signer, to, gas, deadline, data }, nonce) {
      return typed(this.domain, structOf(REQUEST, signer, to, 0n, gas, nonce, deadline, keccakOf(data)));
    }

    requests(data) {
      const body = data.slice(8);
      if (data.startsWith(this.selectors.execute)) return [requestAt(body, countAt(body, 0))];
      if (!data.startsWith(this.selectors.executeBatch)) return [];
      const start = countAt(body, 0), base = start + 32;
      return Array.from({ length: countAt(body, start) }, (_, i) => requestAt(body, base + countAt(body, base + 32 * i)));
    }

    // What looks like requests within other code's calldata; their signatures tell whether they are.
    embedded(data) {
      return [this.selectors.execute, this.selectors.executeBatch]
        .flatMap((selector) => partsOf(data, selector, (part) => this.requests(part))).flat();
    }

    // What looks like payments by authorisation within other code's calldata, likewise.
    embeddedPayments(data) {
      return partsOf(data, this.selectors.payWithAuthorization, (part) => {
        this.authorization(this.payments, part);
        return part;
      });
    }

    // The call itself, or those that it makes together, however deep: [to, data].
    calls(first, call) {
      const todo = [[first, call]], found = [];
      while (todo.length) {
        const [to, data] = todo.pop();
        if (to !== this.actors || !data.startsWith(this.selectors.together)) {
          found.push([to, data]);
          continue;
        }
        const body = data.slice(8);
        const start = countAt(body, 0), base = start + 32, count = countAt(body, start);
        for (let i = 0; i < count; i++) {
          const place = base + countAt(body, base + 32 * i);
          todo.push([addressAt(body, place), bytesAt(body, place + countAt(body, place + 32))]);
        }
      }
      return found;
    }

    // Of a payment by authorisation (ERC-3009): the payer, the hash of the struct he signed, and his signature.
    authorization(to, data) {
      if (to !== this.payments || !data.startsWith(this.selectors.payWithAuthorization)) return null;
      const body = data.slice(8);
      const order = countAt(body, 0), payer = addressAt(body, 32);
      const [after, before, v, r, s] = [2, 3, 4, 5, 6].map((i) => numberAt(body, 32 * i));
      const lines = order + countAt(body, order + 64), count = countAt(body, lines);
      let total = 0n;
      for (let i = 0; i < count; i++) total += numberAt(body, lines + 32 + 32 * (3 * i + 2));
      const encoded = [
        padded(this.chainId), padded(this.payments), padded(96), body.slice(2 * order, 2 * order + 128), padded(96),
        body.slice(2 * lines, 2 * (lines + 32 + 96 * count)),
      ].join('');
      const struct = structOf(AUTHORIZATION, payer, this.payments, total, after, before, keccakOf(encoded));
      return { payer, struct, r, s, parity: v - 27n };
    }

    // Of a call that binds a key: the key, and the signature of its consent.
    consent(to, data) {
      const known = this.binding.get(data.slice(0, 8));
      if (to !== this.actors || !known) return null;
      const [name, words] = known, body = data.slice(8);
      return [addressAt(body, name === 'proposeRecovery' ? 32 : 0), bytesAt(body, countAt(body, 32 * words))];
    }

    // What a key signs to be bound.
    consentDigest(party, level, roles, code) {
      return typed(this.domain, structOf(CONSENT, party, level, roles, `0x${code.padEnd(64, '0')}`));
    }
  }

  // Of a signature by ERC-7913 (`abi.encode(bytes signer, bytes signature)`): verifier, key and signature; null if it is none.
  function keySignature(signature) {
    try {
      const signer = bytesAt(signature, countAt(signature, 0)), inner = bytesAt(signature, countAt(signature, 32));
      return { verifier: `0x${signer.slice(0, 40)}`, key: signer.slice(40), address: yuanliu.addressOf(raw(signer)), inner };
    } catch (error) {
      if (error instanceof Malformed) return null;
      throw error;
    }
  }

  Object.assign(yuanliu, { readTransaction, recoverHex, SignedReader: Reader, typedDigest: typed, keySignature, textHash, structOf });
})(globalThis.yuanliu = globalThis.yuanliu || {});
