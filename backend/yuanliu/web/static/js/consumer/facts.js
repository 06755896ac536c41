// Whether a page says what the records and the chain say. The page marks each fact that it shows (data-fact); here the
// same facts are worked out from checked records, and compared with what stands in the page.
(function (yuanliu) {
  'use strict';

  const WHOLE_BPS = 10000n;

  // The third witness of contracts/libraries/Split.sol and backend/yuanliu/money.py, for one unit: [farmer, coop, platform].
  function shares(price, floor, [, coop, platform]) {
    const margin = price - floor;
    const parts = [(margin * coop) / WHOLE_BPS, (margin * platform) / WHOLE_BPS];
    return [price - parts[0] - parts[1], ...parts];
  }

  const text = (value) => ({ as: 'text', value: String(value) });
  const count = (value) => ({ as: 'number', value: Number(value) });
  const yuan = (fen) => ({ as: 'yuan', value: fen });
  const time = (unix) => ({ as: 'time', value: Number(unix) });

  const sum = (records, name) => records.reduce((all, record) => all + record.body[name], 0n);
  const last = (list) => list[list.length - 1];
  const isNumber = (value) => typeof value === 'number';

  // The Unix seconds of a time with its offset; null if it is none.
  function unix(said) {
    const parsed = typeof said === 'string' && /(Z|[+-]\d\d:\d\d)$/.test(said) ? Date.parse(said) : NaN;
    return Number.isNaN(parsed) ? null : Math.floor(parsed / 1000);
  }

  // When it happened by its author's word, else when the chain took it, in Unix seconds.
  function happened(record, event) {
    return unix(event && event.eventTime) ?? Number(record.time);
  }

  const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
  const listed = (value) => (Array.isArray(value) ? value.filter(isObject) : []);

  // Each sensor report with what holds for its element.
  function reports(event) {
    return listed(event && event.sensorElementList).flatMap((element) => {
      const metadata = isObject(element.sensorMetadata) ? element.sensorMetadata : {};
      return listed(element.sensorReport).map((report) => ({ metadata, report }));
    }).slice(0, 200);
  }

  function substance({ report }) {
    const uri = report.chemicalSubstance || report.microorganism;
    return typeof uri === 'string' ? uri.slice(0, 200).replace(/\/+$/, '').split('/').pop() : '';
  }

  // Lowest and highest temperature of a report; none if it tells none, or not when.
  function warmth({ metadata, report }) {
    const mean = isNumber(report.meanValue) ? report.meanValue : report.value;
    const known = [report.minValue, mean, report.maxValue].filter(isNumber);
    const when = unix(report.time || metadata.time || metadata.endTime);
    const told = report.type === 'Temperature' && (report.uom === 'CEL' || report.uom === undefined || report.uom === null);
    return told && when !== null ? known : [];
  }

  function described(ilmd, language) {
    const get = (key) => (ilmd && typeof ilmd[key] === 'string' ? ilmd[key] : '');
    const either = (zh, en) => (language === 'en' ? get(en) || get(zh) : get(zh) || get(en));
    return {
      name: either('cbvmda:descriptionShort', 'yuanliu:nameEn'),
      cooperative: either('yuanliu:cooperative', 'yuanliu:cooperativeEn'),
      place: either('yuanliu:origin', 'yuanliu:originEn'),
      harvested: get('cbvmda:harvestStartDate'),
    };
  }

  // All facts that the page may show, by name; `told` are the records but for sales, with their numbers.
  function expected(records, now, more, language) {
    const facts = new Map();
    const made = records.find((record) => record.body.lot !== undefined);
    if (made) {
      const event = yuanliu.eventOf(made);
      for (const [name, value] of Object.entries(described(event && event.ilmd, language))) {
        if (value) facts.set(name, { ...text(value), at: name === 'harvested' ? 'dateTime' : 'textContent' });
      }
      facts.set('lot', text(made.body.lot));
      facts.set('gtin', text(String(made.body.gtin).padStart(14, '0')));
      facts.set('units', count(made.body.units));
      const priced = last(records.filter((record) => record.body.price !== undefined));
      facts.set('price', yuan(priced.body.price));
    }
    const sold = records.filter((record) => record.kind === 'sold');
    if (sold.length) {
      facts.set('sold.count', count(sold.length));
      facts.set('sold.first', time(sold[0].time));
      facts.set('sold.last', time(last(sold).time));
    }
    facts.set('sold.units', count(sum(sold, 'units')));
    facts.set('sold.amount', yuan(sum(sold, 'amount')));
    facts.set('sold.farmers', yuan(sum(sold, 'farmers')));
    if (more) {
      const [farmer, coop, platform] = shares(now.price, more.floor, more.bps);
      facts.set('share.farmer', yuan(farmer));
      facts.set('share.coop', yuan(coop));
      facts.set('share.platform', yuan(platform));
      facts.set('floor', yuan(more.floor));
      facts.set('margin', yuan(now.price - more.floor));
      if (now.farmer) facts.set('paid', yuan(sum(sold, 'farmers')));
      else facts.set('due', yuan(more.received));
    }
    records.forEach((record, number) => step(facts, record, `r${number}`));
    return facts;
  }

  function step(facts, record, name) {
    const event = yuanliu.eventOf(record);
    const { body } = record;
    facts.set(`${name}.kind`, { as: 'kind', value: record.kind });
    facts.set(`${name}.time`, time(happened(record, event)));
    if (body.conformant !== undefined) facts.set(`${name}.verdict`, { as: 'verdict', value: body.conformant });
    if (body.units !== undefined) facts.set(`${name}.units`, count(body.units));
    if (body.price !== undefined) facts.set(`${name}.price`, yuan(body.price));
    if (body.reason !== undefined) facts.set(`${name}.reason`, text(yuanliu.text(body.reason)));
    for (const file of ['report', 'readings']) {
      const sha256 = event && event[`yuanliu:${file}Sha256`];
      if (typeof sha256 === 'string') facts.set(`${name}.${file}`, text(sha256));
    }
    const found = reports(event);
    found.filter(substance).forEach(({ report }, i) => {
      if (isNumber(report.value)) facts.set(`${name}.m${i}.value`, count(report.value));
      if (isNumber(report['yuanliu:limit'])) facts.set(`${name}.m${i}.limit`, count(report['yuanliu:limit']));
    });
    const warm = found.flatMap(warmth);
    if (warm.length) {
      facts.set(`${name}.low`, count(Math.min(...warm)));
      facts.set(`${name}.high`, count(Math.max(...warm)));
    }
  }

  // ------------------------------------------------------------------ what the page shows

  // The first figure in some words, without thousands separators.
  const plain = (value) => (value.replace(/,/g, '').match(/-?\d+(\.\d+)?(e[+-]?\d+)?/i) || [''])[0];
  // What a page cannot hold as it was written: control characters, kinds of space, what is no UTF-8.
  const held = (value) => value.replace(/[\s\u0000-\u001f\u007f\ufffd]+/g, ' ').trim();
  // Figures stand in the page with four decimals, small ones in full.
  const near = (value) => (Math.abs(value) >= 0.001 ? 5.1e-5 : 0);

  function shown(element, fact, kinds) {
    const words = element.textContent.trim();
    switch (fact.as) {
      case 'yuan': return BigInt(Math.round(Number(plain(words)) * 100)) === fact.value;
      case 'number': return plain(words) !== '' && Math.abs(Number(plain(words)) - fact.value) <= near(fact.value);
      case 'time': return Math.floor(Date.parse(element.dateTime) / 1000) === fact.value;
      case 'kind': return words === kinds[fact.value];
      case 'verdict': return element.querySelector('.badge-good') ? fact.value : !fact.value;
      default: return held(fact.at === 'dateTime' ? element.dateTime : words) === held(fact.value);
    }
  }

  function worded(fact, kinds) {
    switch (fact.as) {
      case 'yuan': return `¥${(Number(fact.value) / 100).toFixed(2)}`;
      case 'time': return new Date(fact.value * 1000).toISOString().slice(0, 16).replace('T', ' ');
      case 'kind': return kinds[fact.value] || fact.value;
      case 'verdict': return fact.value ? '✓' : '✗';
      default: return String(fact.value);
    }
  }

  // What a fact is called on the page: the words beside it.
  function called(element) {
    const term = element.closest('div') && element.closest('div').querySelector('dt, th');
    const row = element.closest('tr') && element.closest('tr').querySelector('th');
    const heading = element.closest('.measure, li, article, section');
    const found = row || term || (heading && heading.querySelector('h3, h1, h2, strong'));
    return found ? found.textContent.trim() : element.dataset.fact;
  }

  // Compare a page with the facts; give what differs: {kind: 'fact' | 'missing' | 'added', …}.
  function compare(page, facts, records, more, kinds) {
    const found = [];
    const wrong = (element, truth) =>
      found.push({ kind: 'fact', what: called(element), shown: element.textContent.trim().slice(0, 60), true: truth });
    for (const element of page.querySelectorAll('[data-fact]')) {
      const fact = facts.get(element.dataset.fact);
      // What is only known with the chain's help is not compared without it.
      if (!fact && /^(share\.|floor|margin|paid|due)/.test(element.dataset.fact)) continue;
      if (!fact) found.push({ kind: 'fact', what: called(element), shown: element.textContent.trim().slice(0, 60), true: '—' });
      else if (!shown(element, fact, kinds)) wrong(element, worded(fact, kinds));
    }
    found.push(...steps(page, records));
    if (more) {
      for (const element of page.querySelectorAll('[data-code]')) {
        const code = more.codes.get(element.dataset.actor);
        if (code !== undefined && code !== element.textContent.trim()) wrong(element, code);
      }
    }
    return found;
  }

  // Each record but sales must be a step of the page, in order, signed by its author.
  function steps(page, records) {
    const list = page.querySelector('.journey');
    const found = [];
    const items = [...page.querySelectorAll('[data-record]')];
    const numbers = items.map((item) => Number(item.dataset.record));
    const told = records.map((record, number) => number).filter((number) => records[number].kind !== 'sold');
    if (list && list.hasAttribute('data-whole')) {
      for (const number of told) if (!numbers.includes(number)) found.push({ kind: 'missing', number });
    }
    const added = numbers.some((number, i) => !told.includes(number) || (i && number <= numbers[i - 1]));
    if (added) found.push({ kind: 'added' });
    for (const item of items) {
      const record = records[Number(item.dataset.record)];
      const signer = item.querySelector('.step-signed [data-actor]');
      if (record && (!signer || signer.dataset.actor !== record.actor)) {
        found.push({ kind: 'fact', what: signer ? signer.parentElement.textContent.trim() : '', shown: signer ? signer.textContent.trim() : '', true: record.actor });
      }
    }
    for (const record of records.filter((each) => each.kind === 'inspection')) {
      if (!page.querySelector(`[data-fact="r${records.indexOf(record)}.verdict"]`)) {
        found.push({ kind: 'missing', number: records.indexOf(record) });
      }
    }
    return found;
  }

  // The actors whose codes the page shows.
  const actors = (page) => [...new Set([...page.querySelectorAll('[data-code]')].map((each) => each.dataset.actor))];

  Object.assign(yuanliu, { shares, expected, compare, actors, happened, worded });
})(globalThis.yuanliu = globalThis.yuanliu || {});
