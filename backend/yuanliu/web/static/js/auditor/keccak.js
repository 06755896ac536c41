// Keccak-256 as Ethereum uses it: FIPS 202's permutation with the padding of before the standard. Nothing secret passes
// through here, so nothing has to take the same time for all inputs.
(function (yuanliu) {
  'use strict';

  const RATE = 136; // bytes of a block
  const ROUNDS = 24;

  // FIPS 202, 3.2.2 and 3.2.3: where each lane goes, and how far it turns.
  const FROM = new Uint8Array(25);
  const TURN = new Uint8Array(25);
  FROM[0] = 0;
  for (let t = 0, x = 1, y = 0; t < 24; t++) {
    TURN[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  for (let x = 0; x < 5; x++) for (let y = 0; y < 5; y++) FROM[x + 5 * y] = ((x + 3 * y) % 5) + 5 * x;

  // 3.2.5: the round constants, by their shift register; low halves, then high halves.
  const LOW = new Int32Array(ROUNDS);
  const HIGH = new Int32Array(ROUNDS);
  for (let round = 0, register = 1; round < ROUNDS; round++) {
    for (let j = 0; j < 7; j++) {
      const place = (1 << j) - 1;
      if (register & 1) (place < 32 ? LOW : HIGH)[round] |= 1 << place % 32;
      register <<= 1;
      if (register & 0x100) register ^= 0x171;
    }
  }

  const low = new Int32Array(25);
  const high = new Int32Array(25);
  const l = new Int32Array(25);
  const h = new Int32Array(25);
  const c = new Int32Array(10);

  function permute() {
    for (let round = 0; round < ROUNDS; round++) {
      for (let x = 0; x < 5; x++) {
        c[x] = low[x] ^ low[x + 5] ^ low[x + 10] ^ low[x + 15] ^ low[x + 20];
        c[x + 5] = high[x] ^ high[x + 5] ^ high[x + 10] ^ high[x + 15] ^ high[x + 20];
      }
      for (let x = 0; x < 5; x++) {
        const before = (x + 4) % 5, after = (x + 1) % 5;
        const dl = c[before] ^ ((c[after] << 1) | (c[after + 5] >>> 31));
        const dh = c[before + 5] ^ ((c[after + 5] << 1) | (c[after] >>> 31));
        for (let y = 0; y < 25; y += 5) { low[x + y] ^= dl; high[x + y] ^= dh; }
      }
      for (let i = 0; i < 25; i++) {
        const from = FROM[i], by = TURN[from] % 32;
        const swap = TURN[from] >= 32;
        const a = swap ? high[from] : low[from], b = swap ? low[from] : high[from];
        l[i] = by ? (a << by) | (b >>> (32 - by)) : a;
        h[i] = by ? (b << by) | (a >>> (32 - by)) : b;
      }
      for (let y = 0; y < 25; y += 5) {
        for (let x = 0; x < 5; x++) {
          const one = y + ((x + 1) % 5), two = y + ((x + 2) % 5);
          low[y + x] = l[y + x] ^ (~l[one] & l[two]);
          high[y + x] = h[y + x] ^ (~h[one] & h[two]);
        }
      }
      low[0] ^= LOW[round];
      high[0] ^= HIGH[round];
    }
  }

  function keccak(bytes) {
    low.fill(0);
    high.fill(0);
    const blocks = Math.floor(bytes.length / RATE) + 1;
    const padded = new Uint8Array(blocks * RATE);
    padded.set(bytes);
    padded[bytes.length] = 1;
    padded[padded.length - 1] |= 0x80;
    const view = new DataView(padded.buffer);
    for (let at = 0; at < padded.length; at += RATE) {
      for (let i = 0; i < RATE / 8; i++) {
        low[i] ^= view.getInt32(at + 8 * i, true);
        high[i] ^= view.getInt32(at + 8 * i + 4, true);
      }
      permute();
    }
    const out = new DataView(new ArrayBuffer(32));
    for (let i = 0; i < 4; i++) {
      out.setInt32(8 * i, low[i], true);
      out.setInt32(8 * i + 4, high[i], true);
    }
    return new Uint8Array(out.buffer);
  }

  Object.assign(yuanliu, { keccak });
})(globalThis.yuanliu = globalThis.yuanliu || {});
