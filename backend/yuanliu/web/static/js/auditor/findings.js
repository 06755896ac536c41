// Which of what was found follows from what. The twin of backend/yuanliu/audit/findings.py.
(function (yuanliu) {
  'use strict';

  const SUMMARY = new Set(['terms-code', 'token-balance', 'money-conserved', 'relay-nonce', 'journal-head']);
  const isSummary = (rule) => SUMMARY.has(rule) || /^(state|pool)-/.test(rule);
  const ofActors = (rule) => /^(author|actor|log|relay|words|withdrawal|payout|credit)-/.test(rule);

  function subjects(finding) {
    const given = [finding.batch, finding.transaction];
    if (ofActors(finding.rule)) given.push(finding.actor);
    if (finding.what.startsWith('receipt ')) given.push(finding.what);
    const found = given.filter(Boolean);
    return found.length ? found : [`${finding.what} ${finding.token}`];
  }

  function wideSubjects(finding) {
    const found = [finding.batch, finding.transaction, finding.actor, finding.token].filter(Boolean);
    return found.length ? found : [finding.what];
  }

  // One finding for each thing that is wrong, naming in `follows` the rules that it broke besides, and all in `group`.
  // Findings on one batch or in one transaction have one cause. A rule on the chain's state is a cause of its own only if
  // nothing in the history concerns the same batch, actor or token, and every log could be read.
  function causes(found, ranks) {
    const parent = found.map((_, i) => i);
    const root = (i) => { while (parent[i] !== i) { parent[i] = parent[parent[i]]; i = parent[i]; } return i; };
    const of = new Map();
    const merge = (one, two) => { parent[root(one)] = root(two); };
    const join = (i, names) => {
      for (const name of names) {
        if (!of.has(name)) of.set(name, i);
        merge(of.get(name), i);
      }
    };
    const near = new Map();
    const unread = found.findIndex((finding) => finding.rule === 'log-malformed');
    found.forEach((finding, i) => {
      if (isSummary(finding.rule)) return;
      join(i, subjects(finding));
      for (const name of wideSubjects(finding)) if (!near.has(name)) near.set(name, i);
    });
    found.forEach((finding, i) => {
      if (!isSummary(finding.rule)) return;
      const wide = wideSubjects(finding);
      const reason = wide.find((name) => near.has(name));
      join(i, wide.slice(0, 1));
      if (reason !== undefined) merge(i, near.get(reason));
      else if (unread >= 0) merge(i, unread);
    });
    const groups = new Map();
    found.forEach((finding, i) => {
      const key = root(i);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(finding);
    });
    const rank = (rule) => ranks.indexOf(rule);
    const order = (a, b) => rank(a.rule) - rank(b.rule) || a.block - b.block;
    return [...groups.values()].map((group) => {
      const first = group.slice().sort(order)[0];
      const follows = [...new Set(group.map((each) => each.rule))].filter((rule) => rule !== first.rule);
      return { ...first, follows: follows.sort((a, b) => rank(a) - rank(b)), group };
    }).sort((a, b) => a.block - b.block || rank(a.rule) - rank(b.rule));
  }

  Object.assign(yuanliu, { causes });
})(globalThis.yuanliu = globalThis.yuanliu || {});
