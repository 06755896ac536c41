// Words of a log's data and topics, by hand. Whatever is not built as the contracts build it throws Malformed.
// Addresses and words are lowercase hex with 0x, numbers are BigInt.
(function (yuanliu) {
  'use strict';

  class Malformed extends Error {}

  const HEX = /^0x([0-9a-f]{2})*$/;
  const WORD = /^0x[0-9a-f]{64}$/;

  function lower(text, pattern = HEX) {
    const found = typeof text === 'string' ? text.toLowerCase() : '';
    if (!pattern.test(found)) throw new Malformed(`no hex: ${String(text).slice(0, 40)}`);
    return found;
  }

  const topic = (text) => lower(text, WORD);

  // The address in a topic, or another word.
  function address(word) {
    if (!word.startsWith(`0x${'0'.repeat(24)}`)) throw new Malformed('no address');
    return `0x${word.slice(26)}`;
  }

  function number(word, bits) {
    const value = BigInt(word);
    if (value >> BigInt(bits)) throw new Malformed(`${value} has more than ${bits} bits`);
    return value;
  }

  function wordAt(data, index) {
    const found = data.slice(2 + 64 * index, 66 + 64 * index);
    if (found.length !== 64) throw new Malformed(`the data ends before word ${index}`);
    return `0x${found}`;
  }

  const addressAt = (data, index) => address(wordAt(data, index));
  const numberAt = (data, index, bits) => number(wordAt(data, index), bits);

  // The bytes, as hex without 0x, whose offset stands in word number `index`.
  function bytesAt(data, index) {
    const start = Number(numberAt(data, index, 32));
    const length = Number(number(`0x${data.slice(2 + 2 * start, 66 + 2 * start) || '0'}`, 32));
    const found = data.slice(66 + 2 * start, 66 + 2 * (start + length));
    if (found.length !== 2 * length) throw new Malformed('the data ends within a text');
    return found;
  }

  const DIGITS = new Uint8Array(103);
  for (let i = 0; i < 16; i++) DIGITS['0123456789abcdef'.charCodeAt(i)] = i;

  // Bytes of checked, lowercase hex, with 0x or without.
  function raw(hex) {
    const from = hex.startsWith('0x') ? 2 : 0;
    const found = new Uint8Array((hex.length - from) / 2);
    for (let i = 0; i < found.length; i++) {
      found[i] = (DIGITS[hex.charCodeAt(from + 2 * i)] << 4) | DIGITS[hex.charCodeAt(from + 2 * i + 1)];
    }
    return found;
  }

  // A value as a word without 0x: numbers and addresses to the right.
  const padded = (value) => (typeof value === 'string' ? value.slice(2) : BigInt(value).toString(16)).padStart(64, '0');
  // A text of fixed length as a word: to the left.
  const left = (hex) => hex.replace(/^0x/, '').padEnd(64, '0');
  const hashed = (...parts) => `0x${yuanliu.hex(yuanliu.ownSha256(yuanliu.joined(...parts.map(raw))))}`;
  const keccakOf = (hex) => `0x${yuanliu.hex(yuanliu.keccak(raw(hex)))}`;

  Object.assign(yuanliu, {
    Malformed, words: { lower, topic, address, number, wordAt, addressAt, numberAt, bytesAt, raw, padded, left, hashed, keccakOf },
  });
})(globalThis.yuanliu = globalThis.yuanliu || {});
