// Checks the page of a lot, in three steps: the records against the head on the chain, the page against the records,
// and what only the contracts know (recalls of parents, terms, codes) against the page. Three answers: matches, differs
// (where), chain unreachable; and nothing is green that was not checked.
(function (yuanliu) {
  'use strict';

  const KEY = 'yuanliu.endpoints';
  const TRIES = 4;
  const PAUSE = 1500;
  const AGAIN = [5000, 10000, 20000, 60000]; // after which a node that did not answer is asked once more
  const { hex, unbase64, unhex } = yuanliu;
  const data = JSON.parse(document.getElementById('check-data').textContent);
  const verdict = document.getElementById('verdict');
  const batch = data.batch.slice(2);
  const site = location.protocol.startsWith('http') ? location.origin : data.site;
  let run = 0;

  const say = (key, values = {}) => data.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const at = (unix, more) => new Intl.DateTimeFormat(data.language === 'en' ? 'en-GB' : 'zh-CN',
    { timeZone: 'Asia/Shanghai', ...more }).format(new Date(unix * 1000));
  const day = (unix) => at(unix, { month: data.language === 'en' ? 'short' : 'long', day: 'numeric' });
  const clock = (unix) => at(unix, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

  // ------------------------------------------------------------------ what is said

  function show(kind, title, text = '', list = []) {
    verdict.dataset.verdict = kind;
    verdict.querySelector('.verdict-title').textContent = title;
    verdict.querySelector('.verdict-text').textContent = text;
    const items = list.slice(0, 6).map((each) => Object.assign(document.createElement('li'), { textContent: each }));
    if (list.length > 6) {
      items.push(Object.assign(document.createElement('li'), { textContent: say('and_more', { n: list.length - 6 }) }));
    }
    verdict.querySelector('.verdict-list').replaceChildren(...items);
    verdict.querySelector('.verdict-list').hidden = !items.length;
    verdict.querySelector('.verdict-progress').hidden = kind !== 'checking';
  }

  function progress(n, of) {
    const bar = verdict.querySelector('.verdict-progress');
    bar.max = of || 1;
    bar.value = n;
    verdict.querySelector('.verdict-text').textContent = say('progress', { n, of });
  }

  function named(number, decoded) {
    const record = decoded[number];
    if (!record) return say('record_bare', { n: number + 1 });
    const when = day(yuanliu.happened(record, yuanliu.eventOf(record)));
    return say('record', { n: number + 1, day: when, kind: data.kinds[record.kind] });
  }

  // A fault of a journal in words. Heads alone cannot tell changed from missing: the numbers and the last head that
  // came with the rows hint at it. `short`: those rows do not even claim to lead to the chain's head.
  function worded(fault, decoded, rows, short) {
    const record = fault.position === undefined ? '' : named(fault.position, decoded);
    if (fault.kind !== 'changed_or_missing') return say(fault.kind, { record });
    if (fault.at === undefined) return record ? say('missing_start', { record }) : say('all_wrong');
    const own = rows[fault.at].number;
    if (record && rows[fault.position].number > own + 1) return say('missing_number', { n: own + 2 });
    const last = named(fault.at, decoded);
    return !record && short ? say('missing_end', { record: last }) : say('changed', { record: last });
  }

  // ------------------------------------------------------------------ what is checked

  const read = (rows) => Object.assign(rows.map(([number, previous, record]) => (
    { number, previous: hex(unbase64(previous)), record: unbase64(record) })), { head: data.head.slice(2) });

  async function fetched() {
    const answer = await fetch(site + data.journal, { cache: 'no-store', credentials: 'omit' });
    if (!answer.ok) throw new Error('journal');
    const { records, head } = await answer.json();
    const rows = records.map((row) => (
      { number: row.number, previous: row.previous.slice(2), record: unhex(row.data) }));
    return Object.assign(rows, { head: head.slice(2) });
  }

  // Ask every node; they must be of one mind. Gives what the first says.
  async function asked(urls) {
    const nodes = urls.map((url) => new yuanliu.Node(url));
    for (let left = TRIES; ; left--) {
      const found = await Promise.all(nodes.map((node) => yuanliu.look(node, data)));
      const agree = found.every((each) => each.head === found[0].head && !each.moved);
      if (agree) return { ...found[0], nodes };
      if (left <= 1) return { ...found[0], nodes, contradict: true };
      await pause(PAUSE);
    }
  }

  const checked = (entries, head, step) => yuanliu.check(entries,
    { head, chainId: data.chain, contract: data.contract, batch, step });

  async function check(mine, urls, times) {
    const fresh = (step) => { if (mine !== run) throw new Error('superseded'); return step; };
    if (!times) show('checking', say('checking'), say('asking'));
    const now = fresh(await asked(urls));
    if (now.contradict) return show('differs', say('differs'), say('nodes_differ'));
    let entries = data.records && read(data.records);
    if (!entries) {
      if (!times) show('checking', say('checking'), say('fetching'));
      try {
        entries = fresh(await fetched());
      } catch {
        fresh();
        later(mine, urls, times);
        return show('unreachable', say('no_records'), '');
      }
    }
    const step = async (n) => {
      if (n % 25 === 0 || n === entries.length) { progress(n, entries.length); await pause(0); }
    };
    const first = fresh(await checked(entries, now.head, step));
    if (first.faults.length) return differs(mine, entries, first, now, urls);
    return whole(mine, first.decoded, now, entries.length, 0);
  }

  // The records do not lead to the head. Perhaps only because the chain went on since the page was made: then the
  // site has the rest, and all of it leads there, beginning with the very records of the page.
  async function differs(mine, entries, found, now, urls) {
    const short = entries.head !== now.head;
    const wrong = found.faults.map((fault) => worded(fault, found.decoded, entries, short));
    const only = found.faults.length === 1 ? found.faults[0] : {};
    const mayBeOlder = short && only.kind === 'changed_or_missing' && only.position === undefined
      && only.at === entries.length - 1;
    for (let left = TRIES; mayBeOlder && left; left--) {
      try {
        const later = await fetched();
        const latest = await asked(urls);
        const again = await checked(later, latest.head);
        if (mine !== run) return undefined;
        const same = entries.every((entry, i) => later[i] && hex(entry.record) === hex(later[i].record));
        if (!again.faults.length && !same) break;
        if (!again.faults.length) {
          return whole(mine, again.decoded, latest, entries.length, later.length - entries.length);
        }
      } catch (error) {
        if (error instanceof yuanliu.ChainError) throw error; // nothing is known of the rest, so nothing is red
        break;
      }
      await pause(PAUSE);
    }
    if (mine !== run) return undefined;
    return show('differs', say('differs'), mayBeOlder ? say('ahead') : '', wrong);
  }

  // The records are the chain's. Compare what the page shows with them, and with what the contracts say now.
  async function whole(mine, decoded, now, count, more) {
    const around = await yuanliu.surroundings(now.nodes[0], data.contract,
      { terms: now.terms, batch, actors: yuanliu.actors(document) });
    const shown = decoded.slice(0, count);
    const facts = yuanliu.expected(shown, now, around, data.language);
    const list = yuanliu.compare(document, facts, shown, around, data.kinds).map((found) => {
      if (found.kind === 'missing') return say('fact_missing', { record: named(found.number, shown) });
      return found.kind === 'added' ? say('fact_added') : say('fact', found);
    });
    list.push(...state(now), ...(await origins(now)), ...(await picture(shown)));
    if (mine !== run) return;
    told(now);
    if (more && !state(now).length) {
      show('newer', say('newer'), say('newer_text', { n: count, more }));
    } else if (list.length) {
      show('differs', say('differs'), '', list);
    } else {
      const text = say('matches_text', { n: count, time: clock(Date.now() / 1000) });
      const two = now.nodes.length > 1 ? `；${say('two')}` : '';
      show('matches', say('matches'), text + (data.language === 'en' ? two.replace('；', '; ') : two));
    }
  }

  function state(now) {
    const alarm = document.querySelector('[data-shown-state]');
    const shown = alarm ? alarm.dataset.shownState : '';
    const recalled = now.recalled || now.clear === false;
    if (recalled) return shown === 'recalled' ? [] : [say('state_recalled')];
    if (now.held) return shown === 'held' ? [] : [say('state_held')];
    return shown && now.clear !== null ? [say('state_clear')] : [];
  }

  // The tree of parents: each arrow is the contract's, each lot is the one that its id was made of.
  async function origins(now) {
    const shown = [...document.querySelectorAll('[data-parent]')];
    if (!now.derived && !shown.length) return [];
    const wrong = [];
    const fault = (element) => wrong.push(say('fact', {
      what: element.querySelector('a').textContent.trim(), shown: element.dataset.lot, true: '—' }));
    const arrows = new Map();
    for (const element of shown) {
      const { parent, child, cooperative, gtin, lot } = element.dataset;
      if (!arrows.has(child)) arrows.set(child, await yuanliu.parents(now.nodes[0], data.contract, child));
      const known = arrows.get(child).includes(parent);
      if (!known || `0x${await yuanliu.batchId(cooperative, gtin, lot)}` !== parent) fault(element);
      const bad = element.classList.contains('tree-bad');
      if ((await yuanliu.recalled(now.nodes[0], data.contract, parent)) !== bad) fault(element);
    }
    const own = await yuanliu.parents(now.nodes[0], data.contract, batch);
    const missing = own.filter((id) => !shown.some((each) => each.dataset.parent === id && each.dataset.child === data.batch));
    return [...wrong, ...missing.map(() => say('fact_missing', { record: data.kinds.derived }))];
  }

  async function picture(records) {
    const image = document.querySelector('img[data-sha256]');
    if (!image) return [];
    const made = records.find((record) => record.body.lot !== undefined);
    const event = made && yuanliu.eventOf(made);
    const named_ = String((event && event.ilmd && event.ilmd['yuanliu:picture']) || '').match(/sha-256;([\w-]{43})/);
    const wanted = named_ ? hex(unbase64(named_[1].replace(/-/g, '+').replace(/_/g, '/'))) : '';
    try {
      const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
      const found = hex(await yuanliu.sha256(bytes));
      return found === wanted ? [] : [say('fact', { what: say('picture'), shown: found.slice(0, 8), true: wanted.slice(0, 8) })];
    } catch {
      return []; // the picture did not load: nothing is shown that could be wrong
    }
  }

  function told(now) {
    const parts = [say('head'), now.head.slice(0, 16), '…', say('block', { n: now.block, time: `${day(now.time)} ${clock(now.time)}` })];
    const own = globalThis.crypto && globalThis.crypto.subtle ? [] : [say('own_hash')];
    document.getElementById('check-told').textContent = [parts.join(' '), ...own].join(' · ');
  }

  // ------------------------------------------------------------------ files

  async function file(button) {
    const said = button.parentElement.querySelector('.file-verdict');
    said.textContent = say('file_checking');
    said.dataset.verdict = 'checking';
    try {
      const answer = await fetch(`${site}/api/v1/attachments/${button.dataset.checkFile}`, { credentials: 'omit' });
      if (!answer.ok) throw new Error('file');
      const found = hex(await yuanliu.sha256(new Uint8Array(await answer.arrayBuffer())));
      const good = found === button.dataset.checkFile && verdict.dataset.verdict === 'matches';
      said.textContent = say(found === button.dataset.checkFile ? 'file_ok' : 'file_bad');
      said.dataset.verdict = good ? 'matches' : 'differs';
    } catch {
      said.textContent = say('file_failed');
      said.dataset.verdict = 'unreachable';
    }
  }

  // ------------------------------------------------------------------ endpoints

  function remembered() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY));
      return Array.isArray(found) && found.length && found.every((each) => typeof each === 'string') ? found : null;
    } catch {
      return null;
    }
  }

  function remember(urls) {
    try {
      if (urls) localStorage.setItem(KEY, JSON.stringify(urls));
      else localStorage.removeItem(KEY);
    } catch { /* nothing can be remembered here: this visit goes by what was entered */ }
  }

  // What did not answer may do so soon; until then it stays said that nothing is checked.
  function later(mine, urls, times) {
    setTimeout(() => { if (mine === run) start(urls, times + 1); }, AGAIN[Math.min(times, AGAIN.length - 1)]);
  }

  async function start(urls, times = 0) {
    const mine = ++run;
    try {
      await check(mine, urls, times);
    } catch (error) {
      if (mine !== run) return;
      if (!(error instanceof yuanliu.ChainError)) {
        show('unreachable', say('failed'), String(error.message || error).slice(0, 200));
        return;
      }
      if (error.why === 'unreachable') later(mine, urls, times);
      const key = error.why === 'unreachable' ? 'unreachable_text' : error.why;
      show('unreachable', say('unreachable'), say(key, { node: error.node, ...error.more }));
    }
  }

  const load = (address) => new Promise((done, failed) => {
    document.head.append(Object.assign(document.createElement('script'), { src: address, onload: done, onerror: failed }));
  });

  function listen() {
    const form = document.getElementById('endpoints');
    const [one, two] = [form.elements.endpoint, form.elements.second];
    const fill = (urls) => { [one.value, two.value] = [urls[0] || '', urls[1] || '']; };
    const urls = remembered() || data.endpoints;
    fill(urls);
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const chosen = [one.value, two.value].map((each) => each.trim()).filter(Boolean);
      remember(chosen.length ? chosen : null);
      fill(chosen.length ? chosen : data.endpoints);
      start(chosen.length ? chosen : data.endpoints);
    });
    document.getElementById('endpoints-reset').addEventListener('click', () => {
      remember(null);
      fill(data.endpoints);
      start(data.endpoints);
    });
    for (const button of document.querySelectorAll('[data-check-file]')) {
      button.hidden = false;
      button.addEventListener('click', () => file(button));
    }
    const keep = document.getElementById('save');
    keep.hidden = !location.protocol.startsWith('http');
    keep.querySelector('button').addEventListener('click', async () => {
      const said = keep.querySelector('[role="status"]');
      try {
        if (!yuanliu.save) await load(keep.dataset.script);
        await yuanliu.save(`${data.gtin}-${data.lot.replace(/[^\w-]/g, '_')}.html`);
        said.textContent = say('saved');
      } catch {
        said.textContent = say('save_failed');
      }
    });
    start(urls);
  }

  listen();
})(globalThis.yuanliu = globalThis.yuanliu || {});
