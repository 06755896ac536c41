// The auditor's page: hears what to check, shows how far it is, and says what was found.
(function (yuanliu) {
  'use strict';

  const RESPITE = 40; // ms of work between two moments for the screen
  const data = JSON.parse(document.getElementById('data').textContent);
  const byId = (id) => document.getElementById(id);
  const { element } = yuanliu;
  let language = (navigator.language || '').toLowerCase().startsWith('zh') ? 'zh' : 'en';
  let shown = () => {};
  let run = 0;

  class Stopped extends Error {}

  const say = (key, values = {}) => data.words[language][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

  // ------------------------------------------------------------------ words

  function speak() {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
    document.title = `${say('title')} · ${say('brand')}`;
    for (const each of document.querySelectorAll('[data-t]')) each.textContent = say(each.dataset.t);
    byId('language').textContent = say('other_language');
    byId('language').lang = language === 'zh' ? 'en' : 'zh-Hans';
    byId('progress').setAttribute('aria-label', say('progress'));
    const { deployment } = data;
    byId('written').hidden = !deployment;
    if (deployment) {
      byId('written').textContent = say('deployment_written', { chain: deployment.chain_id, block: deployment.block });
      byId('addresses').replaceChildren(...Object.entries(deployment.contracts).flatMap(([name, { address }]) => (
        [element('dt', {}, name), element('dd', {}, element('code', {}, address))])));
    }
    byId('rules').replaceChildren(...Object.keys(data.rules).filter((rule) => !data.missing.includes(rule)).map(ruled));
    unchecked({});
    shown();
  }

  const ruled = (rule) => element('li', {}, data.rules[rule][language], ' ', element('code', {}, rule));

  function unchecked({ wallets = 0, impersonated = 0 }) {
    const keys = ['truth', 'files', 'receipts', 'wallets', 'elsewhere', ...(impersonated ? ['impersonated'] : [])];
    byId('unchecked').replaceChildren(...keys.map((key) => (
      element('li', {}, say(`unchecked_${key}`, { wallets, impersonated })))), ...data.missing.map(ruled));
  }

  function verdict(kind, title, ...lines) {
    byId('verdict').hidden = false;
    byId('verdict').className = `notice notice-${kind}`;
    byId('verdict').dataset.kind = kind;
    byId('verdict-title').textContent = title;
    byId('verdict-text').replaceChildren(...lines.filter(Boolean).map((line) => element('p', {}, line)));
  }

  // ------------------------------------------------------------------ what is asked

  async function deploymentRecord() {
    const [file] = byId('file').files;
    const text = byId('pasted').value.trim() || (file ? await file.text() : '');
    if (!text && !data.deployment) throw new yuanliu.ChainError('no_deployment', '');
    try {
      return yuanliu.readDeployment(text ? JSON.parse(text) : data.deployment);
    } catch (error) {
      throw new yuanliu.ChainError('deployment', '', error.message);
    }
  }

  function scopeOf(text) {
    try {
      return yuanliu.readScope(text);
    } catch {
      throw new yuanliu.ChainError('scope', '');
    }
  }

  function nodeOf(first, second) {
    const node = new yuanliu.Node(first);
    return second ? new yuanliu.Both(node, new yuanliu.Node(second)) : node;
  }

  // ------------------------------------------------------------------ what is said

  // How far it is; now and then the screen gets a moment.
  function follower(number) {
    let last = performance.now();
    return async (at) => {
      if (performance.now() - last > RESPITE || at.done === at.of) {
        shown = () => {
          verdict('wait', say(`stage_${at.stage}`, at));
          byId('progress').max = at.of || 1;
          byId('progress').value = at.done;
        };
        shown();
        await new Promise((done) => { setTimeout(done); });
        last = performance.now();
      }
      if (number !== run) throw new Stopped();
    };
  }

  function judged({ findings, elsewhere, differs, view }) {
    if (differs) return ['bad', 'verdict_differs', 0, 'nodes-differ'];
    if (findings.length) return ['bad', 'verdict_bad', findings.length, 'findings'];
    if (!view.targets.length) return ['wait', 'verdict_empty', 0, 'unknown'];
    if (elsewhere.length) return ['wait', 'verdict_elsewhere', elsewhere.length, 'findings-elsewhere'];
    return ['good', 'verdict_good', 0, 'clean'];
  }

  function show(result, asked) {
    const { head, view, scene, differs } = result;
    const [kind, title, n, word] = judged(result);
    const tables = new yuanliu.Tables({ result, say, language, rules: data.rules });
    const figures = { batches: view.batches.length, payments: tables.payments().length, signatures: result.signatures };
    const place = { block: head.number, time: yuanliu.moment(head.time, language), hash: head.hash };
    verdict(
      kind, say(title, { n }),
      differs && say('verdict_differs_text', { method: differs.method, params: JSON.stringify(differs.params).slice(0, 200) }),
      title === 'verdict_empty' ? say('verdict_empty_text', place) : say('verdict_text', figures),
      result.compared ? null : say('verdict_not_compared'),
      asked.second && !differs ? say('verdict_second', asked) : null,
      say('verdict_asked', { scope: asked.scope || say('scope_all'), endpoint: asked.endpoint }),
      say('verdict_block', place),
    );
    byId('verdict').dataset.verdict = word;
    unchecked({ wallets: scene.number('wallets'), impersonated: scene.number('impersonated') });
    const endpoints = [asked.endpoint, asked.second].filter(Boolean);
    const away = () => yuanliu.written(tables.json({ endpoints, scope: asked.scope, verdict: word }));
    const button = (key, act) => {
      const made = element('button', { type: 'button', class: 'button-quiet' }, say(key));
      made.addEventListener('click', act);
      return made;
    };
    const take = tables.card('take', element('p', { class: 'row' },
      button('take_json', () => save(away(), `yuanliu-audit-${head.number}.json`)), button('print', () => window.print())));
    take.classList.add('no-print');
    byId('result').replaceChildren(...[
      result.findings.length ? tables.findings('findings', result.findings) : null,
      result.elsewhere.length ? tables.findings('findings_elsewhere', result.elsewhere) : null,
      ...tables.sums(), tables.farmers(), view.batches.length ? tables.paymentsCard() : null, take,
    ].filter(Boolean));
    byId('result').hidden = false;
  }

  function save(text, name) {
    const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    const link = element('a', { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  function failed(error) {
    const known = error instanceof yuanliu.ChainError;
    const why = known ? error.why : error instanceof Stopped ? 'stopped' : error instanceof yuanliu.Refused ? 'refused' : 'internal';
    const values = { node: error.node || '', more: known ? error.more : error.message };
    byId('asking').open = true;
    if (why === 'no_deployment' || why === 'deployment') byId('record').open = true;
    shown = () => verdict('wait', say('failed'), say(`error_${why}`, values));
    byId('verdict').dataset.verdict = why;
  }

  // ------------------------------------------------------------------ checking

  async function check() {
    const number = ++run;
    const asked = { endpoint: byId('endpoint').value.trim(), second: byId('second').value.trim(), scope: byId('scope').value.trim() };
    byId('result').hidden = true;
    busy(true);
    delete byId('verdict').dataset.verdict;
    try {
      const [deployment, scope, node] = [await deploymentRecord(), scopeOf(asked.scope), nodeOf(asked.endpoint, asked.second)];
      const result = await yuanliu.audit({ node, deployment, data, scope, step: follower(number) });
      shown = () => show(result, asked);
      byId('asking').open = false; // what was found comes first
    } catch (error) {
      failed(error);
    }
    busy(false);
    shown();
  }

  function busy(is) {
    byId('start').disabled = is;
    byId('stop').hidden = !is;
    byId('progress').hidden = !is;
    byId('verdict').setAttribute('aria-busy', String(is));
  }

  byId('ask').addEventListener('submit', (event) => { event.preventDefault(); check(); });
  byId('stop').addEventListener('click', () => { run += 1; });
  byId('language').addEventListener('click', () => { language = language === 'zh' ? 'en' : 'zh'; speak(); });
  byId('record').open = !data.deployment;
  speak();
})(globalThis.yuanliu = globalThis.yuanliu || {});
