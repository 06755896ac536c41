// Bytes as texts and numbers.
(function (yuanliu) {
  'use strict';

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

  function unhex(text) {
    const plain = text.replace(/^0x/, '');
    if (!/^([0-9a-fA-F]{2})*$/.test(plain)) throw new TypeError('not hex');
    return Uint8Array.from(plain.match(/../g) || [], (pair) => parseInt(pair, 16));
  }

  const unbase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

  // A whole number of `size` bytes, big-endian.
  const word = (number, size) => unhex(BigInt(number).toString(16).padStart(size * 2, '0'));

  function joined(...parts) {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { all.set(part, at); at += part.length; }
    return all;
  }

  const ascii = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));

  // Text of bytes; what is no UTF-8 shows as U+FFFD.
  const text = (bytes) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

  Object.assign(yuanliu, { hex, unhex, unbase64, word, joined, ascii, text });
})(globalThis.yuanliu = globalThis.yuanliu || {});
