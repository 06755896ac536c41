// Signatures on two curves (SEC 1, SEC 2): whose key made one on secp256k1, and whether a given key made one on P-256.
// For verifying only: there is no secret here, so nothing is done to hide how long it takes.
(function (yuanliu) {
  'use strict';

  const big = (hex) => BigInt(`0x${hex}`);
  const SECP256K1 = {
    p: (1n << 256n) - (1n << 32n) - 977n,
    a: 0n,
    b: 7n,
    n: big('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'),
    x: big('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'),
    y: big('483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8'),
  };
  const P256 = {
    p: big('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff'),
    a: big('ffffffff00000001000000000000000000000000fffffffffffffffffffffffc'),
    b: big('5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b'),
    n: big('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
    x: big('6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
    y: big('4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5'),
  };
  const WINDOW = 4n;
  const SIZE = 1 << Number(WINDOW);
  const NOWHERE = { x: 1n, y: 1n, z: 0n };

  const rest = (value, p) => { const found = value % p; return found < 0n ? found + p : found; };

  function inverse(value, p) {
    let [a, b, u, v] = [rest(value, p), p, 1n, 0n];
    while (a !== 0n) {
      const q = b / a;
      [a, b, u, v] = [b - q * a, a, v - q * u, u];
    }
    return rest(v, p);
  }

  function power(value, exponent, p) {
    let found = 1n;
    for (let base = value, left = exponent; left; left >>= 1n) {
      if (left & 1n) found = (found * base) % p;
      base = (base * base) % p;
    }
    return found;
  }

  // ------------------------------------------------------------------ points: x / z², y / z³

  function doubled(point, { p, a }) {
    const { x, y, z } = point;
    if (z === 0n || y === 0n) return NOWHERE;
    const yy = (y * y) % p;
    const s = (4n * x * yy) % p;
    const m = (3n * x * x + (a ? a * power(z, 4n, p) : 0n)) % p;
    const nx = rest(m * m - 2n * s, p);
    return { x: nx, y: rest(m * (s - nx) - 8n * yy * yy, p), z: (2n * y * z) % p };
  }

  function added(one, two, curve) {
    if (one.z === 0n) return two;
    if (two.z === 0n) return one;
    const { p } = curve;
    const z1 = (one.z * one.z) % p, z2 = (two.z * two.z) % p;
    const u1 = (one.x * z2) % p, u2 = (two.x * z1) % p;
    const s1 = (one.y * z2 * two.z) % p, s2 = (two.y * z1 * one.z) % p;
    if (u1 === u2) return s1 === s2 ? doubled(one, curve) : NOWHERE;
    const h = u2 - u1, r = s2 - s1;
    const hh = (h * h) % p, hhh = (h * hh) % p, v = (u1 * hh) % p;
    const x = rest(r * r - hhh - 2n * v, p);
    return { x, y: rest(r * (v - x) - s1 * hhh, p), z: rest(h * one.z * two.z, p) };
  }

  function multiples(point, curve) {
    const found = [NOWHERE, point];
    while (found.length < SIZE) found.push(added(found[found.length - 1], point, curve));
    return found;
  }

  // first × generator + second × point: both at once, four bits at a time.
  function combined(first, second, point, curve) {
    curve.multiples = curve.multiples || multiples({ x: curve.x, y: curve.y, z: 1n }, curve);
    const others = multiples(point, curve);
    let sum = NOWHERE;
    for (let at = 256n - WINDOW; at >= 0n; at -= WINDOW) {
      for (let i = 0n; i < WINDOW; i++) sum = doubled(sum, curve);
      const mask = BigInt(SIZE - 1);
      sum = added(sum, curve.multiples[Number((first >> at) & mask)], curve);
      sum = added(sum, others[Number((second >> at) & mask)], curve);
    }
    return sum;
  }

  function plain({ x, y, z }, { p }) {
    const i = inverse(z, p), ii = (i * i) % p;
    return [(x * ii) % p, (y * ii * i) % p];
  }

  const isOn = (x, y, { p, a, b }) => x < p && y < p && (y * y - x * x * x - a * x - b) % p === 0n;

  // ------------------------------------------------------------------ signatures

  // The address whose key signed a digest; null for what is no signature, or the other form of one (s above half).
  function recover(digest, r, s, parity) {
    const { p, b, n } = SECP256K1;
    if (!(parity === 0n || parity === 1n) || r <= 0n || r >= n || s <= 0n || s > n / 2n) return null;
    const yy = (r * r * r + b) % p;
    let y = power(yy, (p + 1n) / 4n, p);
    if ((y * y) % p !== yy) return null;
    if ((y & 1n) !== parity) y = p - y;
    const back = inverse(r, n);
    const key = combined(rest(-digest * back, n), (s * back) % n, { x: r, y, z: 1n }, SECP256K1);
    if (key.z === 0n) return null;
    const [kx, ky] = plain(key, SECP256K1);
    return addressOf(yuanliu.unhex(half(kx) + half(ky)));
  }

  // Whether a P-256 key (x, y) signed a digest; as the contracts, only the form with the lower s.
  function signedP256(digest, r, s, x, y) {
    const { n } = P256;
    if (r <= 0n || r >= n || s <= 0n || s > n / 2n || !isOn(x, y, P256)) return false;
    const back = inverse(s, n);
    const found = combined((digest * back) % n, (r * back) % n, { x, y, z: 1n }, P256);
    return found.z !== 0n && plain(found, P256)[0] % n === r;
  }

  const half = (number) => number.toString(16).padStart(64, '0');
  const addressOf = (bytes) => `0x${yuanliu.hex(yuanliu.keccak(bytes)).slice(24)}`;

  Object.assign(yuanliu, { recover, signedP256, addressOf });
})(globalThis.yuanliu = globalThis.yuanliu || {});
