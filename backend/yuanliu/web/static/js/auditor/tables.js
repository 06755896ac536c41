// What an audit found, as a person reads it and as programs read it.
(function (yuanliu) {
  'use strict';

  const ROWS = 200; // of a table, before somebody asks for more
  const MOST = 100; // findings that are shown; all are in the JSON

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== '' && value !== null) made.setAttribute(key, value);
    made.append(...children.filter((child) => child !== null && child !== ''));
    return made;
  }

  // ------------------------------------------------------------------ figures

  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ',');

  function yuan(fen) {
    const digits = String(fen < 0n ? -fen : fen).padStart(3, '0');
    return `${fen < 0n ? '−' : ''}¥${grouped(digits.slice(0, -2))}.${digits.slice(-2)}`;
  }

  const count = (value) => grouped(String(value));

  function kilograms(grams) {
    const rest = String(grams % 1000n).padStart(3, '0').replace(/0+$/, '');
    return `${grouped(String(grams / 1000n))}${rest && `.${rest}`} kg`;
  }

  function moment(time, language) {
    const shape = {
      timeZone: 'Asia/Shanghai', year: 'numeric', month: language === 'zh' ? 'numeric' : 'short', day: 'numeric',
      hour: '2-digit', minute: '2-digit', hour12: false,
    };
    return new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', shape).format(new Date(Number(time) * 1000));
  }

  const short = (hex) => (hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex);
  const hash = (hex) => element('code', { class: 'hash', title: hex }, short(hex));

  // ------------------------------------------------------------------ the parts of a result

  class Tables {
    // `say` gives a text by its key.
    constructor({ result, say, language, rules }) {
      Object.assign(this, { result, say, language, rules, scene: result.scene });
      this.tokens = [...new Set(this.payments().map((payment) => payment.token))];
    }

    payments() {
      const inView = new Set(this.result.view.batches);
      return this.result.scene.payments.filter((payment) => inView.has(payment.batch));
    }

    lot(id) {
      const batch = this.scene.batches.get(id);
      return batch && batch.lot ? batch.lot : short(id);
    }

    who(address) {
      const known = this.scene.actors.get(address);
      return known ? `${known.text} (${short(address)})` : address;
    }

    card(key, ...children) {
      const id = `h-${key}`;
      return element('section', { class: 'card', 'aria-labelledby': id }, element('h2', { id }, this.say(key)), ...children);
    }

    findings(key, listed) {
      const left = listed.length - MOST;
      return this.card(
        key, element('ul', { class: 'faults' }, ...listed.slice(0, MOST).map((finding) => this.finding(finding))),
        left > 0 ? element('p', { class: 'small' }, this.say('more_findings', { n: left })) : null,
      );
    }

    finding({ rule, what, expected, found, batch, transaction, block, actor, follows }) {
      const facts = [
        ['where_batch', batch && element('span', {}, `${this.lot(batch)} `, hash(batch))],
        ['where_what', what], ['expected', expected], ['found', found], ['where_actor', actor && this.who(actor)],
        ['where_transaction', transaction && element('code', {}, transaction)], ['where_block', transaction && String(block)],
        ['follows', follows.map((each) => this.rules[each][this.language]).join(this.language === 'zh' ? '；' : '; ')],
      ].filter(([, value]) => value);
      return element(
        'li', {},
        element('p', { class: 'fault-title' }, element('span', { class: 'badge badge-bad' }, rule), this.rules[rule][this.language]),
        element('dl', { class: 'fault-facts' }, ...facts.flatMap(([key, value]) => (
          [element('dt', {}, this.say(key)), element('dd', {}, value)]))),
      );
    }

    sums() {
      const payments = this.payments();
      return this.tokens.map((token) => {
        const of = payments.filter((payment) => payment.token === token);
        const sum = (value) => of.reduce((all, payment) => all + value(payment), 0n);
        const figures = [
          ['sum_payments', count(of.length)], ['sum_amount', yuan(sum((each) => each.amount))],
          ...['farmers', 'cooperative', 'platform'].map((name, i) => [`sum_${name}`, yuan(sum((each) => each.found[i]))]),
        ];
        return this.card('sums', this.tokenLine(token), element('dl', { class: 'figures' }, ...figures.map(([key, value]) => (
          element('div', {}, element('dt', {}, this.say(key)), element('dd', {}, value))))));
      });
    }

    tokenLine(token) {
      return this.tokens.length > 1 ? element('p', { class: 'small' }, this.say('token', { token })) : null;
    }

    table(kind, heads, rows, foot) {
      const head = element('tr', {}, ...heads.map(([key, side]) => element('th', { scope: 'col', class: side }, this.say(key))));
      const body = element('tbody', {}, ...rows.slice(0, ROWS).map((row) => row()));
      const parts = [element('thead', {}, head), body];
      if (foot) parts.push(element('tfoot', {}, foot));
      const box = element('div', { class: 'table-box', tabindex: '0' }, element('table', { class: `ledger ${kind}` }, ...parts));
      if (rows.length <= ROWS) return box;
      const left = () => rows.length - body.children.length;
      const more = element('button', { type: 'button', class: 'button-quiet no-print' }, this.say('more', { n: left() }));
      more.addEventListener('click', () => {
        const at = body.children.length;
        body.append(...rows.slice(at, at + 5 * ROWS).map((row) => row()));
        more.textContent = this.say('more', { n: left() });
        more.hidden = !left();
      });
      return element('div', {}, box, more);
    }

    farmers() {
      const listed = yuanliu.farmers(this.scene, this.result.view);
      if (!listed.length) return null;
      const numbers = ({ grams, due, paid }) => [kilograms(grams), yuan(due), yuan(paid), yuan(due - paid)]
        .map((value) => element('td', { class: 'number' }, value));
      const rows = listed.map((row) => () => element(
        'tr', {}, element('th', { scope: 'row' }, row.code || short(row.address)), ...numbers(row)));
      const whole = listed.reduce((all, row) => (
        { grams: all.grams + row.grams, due: all.due + row.due, paid: all.paid + row.paid }), { grams: 0n, due: 0n, paid: 0n });
      const foot = new Set(listed.map((row) => row.token)).size > 1 ? null
        : element('tr', { class: 'sum' }, element('th', { scope: 'row' }, this.say('all')), ...numbers(whole));
      const heads = [['farmer'], ['grams', 'number'], ['due', 'number'], ['given', 'number'], ['open', 'number']];
      const help = element('p', { class: 'small' }, this.say('farmers_help'));
      return this.card('farmers', help, this.table('by-farmer', heads, rows, foot));
    }

    paymentsCard() {
      const payments = this.payments();
      if (!payments.length) return this.card('payments', element('p', { class: 'empty' }, this.say('no_payments')));
      const heads = [['time'], ['lot'], ['units', 'number'], ['amount', 'number'], ['floor', 'number'], ['margin', 'number'],
        ['sum_farmers', 'number'], ['sum_cooperative', 'number'], ['sum_platform', 'number'], ['remainder', 'number'], ['transaction']];
      const rows = payments.map((payment) => () => {
        const row = this.payment(payment);
        heads.forEach(([key], i) => { row.children[i].dataset.label = this.say(key); });
        return row;
      });
      return this.card('payments', element('p', { class: 'small' }, this.say('payments_help')), this.table('by-payment', heads, rows));
    }

    payment({ batch, time, units, amount, found, right, transaction }) {
      const number = (...inside) => element('td', { class: 'number' }, ...inside);
      const pair = (is, should) => {
        const same = should === is;
        return number(yuan(is), element('span', { class: `twin${same ? '' : ' mismatch'}` },
          should === null ? '—' : `${same ? '=' : '≠'} ${yuan(should)}`));
      };
      return element(
        'tr', {}, element('td', {}, moment(time, this.language)), element('td', {}, this.lot(batch)), number(count(units)),
        number(yuan(amount)), number(right ? yuan(right.floor) : '—'), number(right ? yuan(right.margin) : '—'),
        ...found.map((is, i) => pair(is, right ? right.shares[i] : null)),
        number(right ? yuan(right.remainder) : '—'), element('td', {}, hash(transaction)),
      );
    }

    // ---------------------------------------------------------------- for programs

    json({ endpoints, scope, verdict }) {
      const { result, scene } = this;
      const { view, head } = result;
      const finding = ({ rule, what, expected, found, batch, transaction, block, actor, token, follows }) => ({
        rule, ...this.rules[rule], what, expected, found, batch, transaction, block, actor, token, follows,
      });
      return {
        format: 1, verdict, scope, endpoints, chain_id: Number(scene.chainId), contract: scene.contracts.Batches,
        block: head.number, block_hash: head.hash, block_time: Number(head.time),
        counts: { ...scene.counts, logs: scene.logs, transactions_checked: result.signatures },
        batches: view.batches.map((id) => {
          const { gtin, lot, cooperative, head: last, records } = scene.batches.get(id);
          return { id, gtin: gtin === null ? '' : yuanliu.gtinText(gtin), lot, cooperative, head: last, records };
        }),
        money: [...scene.purses].filter(([token]) => scene.tokens.has(token)).map(([token, purse]) => ({ token, ...purse })),
        farmers: yuanliu.farmers(scene, view),
        payments: this.payments().map(({ found, right, ...payment }) => (
          { ...payment, chain: shares(found), recomputed: right && recomputed(right) })),
        findings: result.findings.map(finding),
        elsewhere: result.elsewhere.map(finding),
        nodes_differ: result.differs,
      };
    }
  }

  const shares = ([farmers, cooperative, platform]) => ({ farmers, cooperative, platform });
  const recomputed = ({ shares: right, floor, margin, remainder }) => ({ ...shares(right), floor, margin, remainder });
  const written = (value) => `${JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? String(one) : one), 2)}\n`;

  Object.assign(yuanliu, { Tables, element, moment, written });
})(globalThis.yuanliu = globalThis.yuanliu || {});
