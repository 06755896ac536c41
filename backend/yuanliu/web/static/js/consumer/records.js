// The records of a batch's history, as contracts/interfaces/IJournal.sol lays out their bytes.
// Numbers are BigInt, addresses and words lowercase hex, lots text, payloads and reasons bytes.
(function (yuanliu) {
  'use strict';

  const MAX_PAYLOAD = 8192;
  const MAX_REASON = 512;
  const MAX_ITEMS = 256;
  const LOT = /^[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}$/; // GS1 character set 82

  class RecordError extends Error {
    constructor(code, offset, message) {
      super(message);
      this.code = code;
      this.offset = offset;
    }
  }

  class Reader {
    constructor(data) { this.data = data; this.at = 0; }

    take(size, what) {
      if (this.data.length - this.at < size) {
        throw new RecordError('record.short', this.at, `the record ends within ${what}`);
      }
      this.at += size;
      return this.data.subarray(this.at - size, this.at);
    }

    number(size, what) { return BigInt(`0x${yuanliu.hex(this.take(size, what))}`); }

    rest() { return this.take(this.data.length - this.at, 'the rest'); }
  }

  const invalid = (offset, what) => new RecordError('record.value_invalid', offset, `${what}, at byte ${offset}`);

  // ------------------------------------------------------------------ fields

  const unsigned = (size) => (reader, what) => reader.number(size, what);
  const hexOf = (size) => (reader, what) => `0x${yuanliu.hex(reader.take(size, what))}`;
  const address = hexOf(20);
  const hash = hexOf(32);

  function lot(reader, what) {
    const offset = reader.at;
    const found = String.fromCharCode(...reader.take(20, what)).replace(/\0+$/, '');
    if (!LOT.test(found)) throw invalid(offset, 'no lot');
    return found;
  }

  function flag(reader, what) {
    const value = reader.take(1, what)[0];
    if (value > 1) throw invalid(reader.at - 1, `${what} is neither 0 nor 1`);
    return value === 1;
  }

  function payload(reader, what) {
    const offset = reader.at;
    const found = reader.rest();
    const braces = found.length > 1 && found[0] === 0x7b && found[found.length - 1] === 0x7d;
    if (!braces || found.length > MAX_PAYLOAD) throw invalid(offset, `${what} is no JSON object`);
    return found;
  }

  function reason(reader, what) {
    const offset = reader.at;
    const found = reader.rest();
    if (!found.length || found.length > MAX_REASON) throw invalid(offset, `${what} is empty or too long`);
    return found;
  }

  const many = (layout, least) => (reader, what) => {
    const offset = reader.at;
    const count = Number(reader.number(2, `number of ${what}`));
    if (count < least || count > MAX_ITEMS) throw invalid(offset, `${count} ${what}`);
    return Array.from({ length: count }, () => fields(layout, reader));
  };

  function fields(layout, reader) {
    return Object.fromEntries(layout.map(([name, read]) => [name, read(reader, name)]));
  }

  // ------------------------------------------------------------------ bodies

  const u32 = unsigned(4), u64 = unsigned(8), u96 = unsigned(12), u128 = unsigned(16);
  const entry = [['receipt', u64], ['farmer', address], ['grams', unsigned(5)], ['grade_bps', unsigned(2)]];
  const parent = [['batch', hash], ['milligrams', u64]];
  const offer = ['offer', u32];
  const said = ['payload', payload];
  const why = ['reason', reason];
  const made = [['gtin', u64], ['lot', lot], ['terms', u32], ['units', u64], ['milligrams_per_unit', u32]];

  const BODIES = [
    null,
    ['collected', [['entries', many(entry, 1)]]],
    ['registered', [...made, ['loss_milligrams', u64], ['price', u96], ['entries', many(entry, 0)], said]],
    ['derived', [...made, ['transformation', u32], ['price', u96], ['parents', many(parent, 1)], said]],
    ['consumed', [['transformation', u32], ['units', u64]]],
    ['production', [said]],
    ['inspection', [['conformant', flag], said]],
    ['logistics', [said]],
    ['readings', [['root', hash], ['count', u32], said]],
    ['corrected', [['wrong', hash], ['corrective', hash], said]],
    ['priced', [['price', u96]]],
    ['sold', [['order', hash], ['buyer', address], ['units', u64], ['amount', u128], ['farmers', u128],
      ['cooperative', u128], ['platform', u128]]],
    ['offered', [offer, ['receiver', address], ['units', u64]]],
    ['accepted', [offer]],
    ['refused', [offer, why]],
    ['withdrawn', [offer]],
    ['released', [why]],
    ['recalled', [why]],
    ['recall_lifted', [why]],
  ];

  // Read a record. Throws RecordError with a code and the offset of the byte.
  function decode(data) {
    const reader = new Reader(data);
    if (reader.take(1, 'version')[0] !== 1) throw new RecordError('record.version_unknown', 0, 'unknown version');
    const body = BODIES[reader.take(1, 'kind')[0]];
    if (!body) throw new RecordError('record.kind_unknown', 1, 'unknown kind');
    const head = fields([['time', u64], ['actor', address], ['signer', address]], reader);
    const read = { kind: body[0], ...head, body: fields(body[1], reader) };
    if (reader.at < data.length) throw new RecordError('record.trailing', reader.at, 'bytes too many');
    return read;
  }

  // The event of a record; null if it has none, or none that every reader reads (halves of characters).
  function eventOf(record) {
    try {
      const event = JSON.parse(yuanliu.text(record.body.payload));
      return /\\ud[89a-f]/i.test(JSON.stringify(event)) ? null : event;
    } catch {
      return null;
    }
  }

  Object.assign(yuanliu, { decode, eventOf, RecordError });
})(globalThis.yuanliu = globalThis.yuanliu || {});
