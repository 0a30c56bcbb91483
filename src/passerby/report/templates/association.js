'use strict';
// Decisions about pairs, collected on the page and saved as the table that association.constraints of a recipe names.
(() => {
  const read = name => JSON.parse(document.getElementById(name).textContent);
  const columns = read('columns'), decisions = new Map();
  const pairs = [...document.querySelectorAll('.pair')];
  const made = []; // pairs in the order in which something was said of them, and what had been said before
  let saved = true, current = null;

  const keyOf = ends => JSON.stringify(ends.map(end => JSON.stringify(end)).sort());
  const endsOf = pair => [[pair.dataset.cameraA, pair.dataset.localA], [pair.dataset.cameraB, pair.dataset.localB]];
  for (const [decision, ...ends] of read('earlier')) {
    const both = [ends.slice(0, 2), ends.slice(2)];
    decisions.set(keyOf(both), {decision, ends: both});
  }
  const earlier = decisions.size;

  // Decisions that cannot hold together: two people who are different, yet made one by others who are the same.
  function contradiction() {
    const parent = new Map();
    const find = name => { while (parent.has(name)) name = parent.get(name); return name; };
    const named = ends => ends.map(end => JSON.stringify(end));
    for (const {decision, ends} of decisions.values()) {
      const [one, other] = named(ends).map(find);
      if (decision === 'must-link' && one !== other) parent.set(one, other);
    }
    for (const {decision, ends} of decisions.values()) {
      const [one, other] = named(ends).map(find);
      if (decision === 'cannot-link' && one === other) return ends.map(end => end.join(' / ')).join(' and ');
    }
    return null;
  }

  function show() {
    for (const pair of pairs) {
      const found = decisions.get(keyOf(endsOf(pair)));
      for (const [name, decision] of [['must', 'must-link'], ['cannot', 'cannot-link']]) {
        const chosen = found !== undefined && found.decision === decision;
        pair.classList.toggle(name, chosen);
        pair.querySelector(`[data-decision="${decision}"]`).setAttribute('aria-pressed', String(chosen));
      }
      pair.classList.toggle('now', pair === current);
    }
    const all = [...decisions.values()], count = decision => all.filter(each => each.decision === decision).length;
    const before = earlier ? `; the run obeyed ${earlier}` : '';
    document.getElementById('count').textContent =
      all.length ? `${count('must-link')} same, ${count('cannot-link')} different${before}` : 'Nothing decided yet';
    const wrong = contradiction();
    document.getElementById('trouble').textContent =
      wrong === null ? '' : `${wrong}: different people, but other decisions make them one`;
    document.getElementById('save').disabled = !all.length || wrong !== null;
  }

  function put(key, said) {
    if (said === undefined) decisions.delete(key); else decisions.set(key, said);
    saved = false;
    show();
  }
  function decide(pair, decision) {
    const ends = endsOf(pair), key = keyOf(ends);
    made.push({pair, before: decisions.get(key)});
    put(key, decision ? {decision, ends} : undefined);
  }
  function undo() {
    const last = made.pop();
    if (last === undefined) return;
    put(keyOf(endsOf(last.pair)), last.before);
    if (shown().includes(last.pair)) go(0, last.pair);
  }

  const shown = () => pairs.filter(pair => pair.offsetParent !== null);
  function go(steps, from) {
    const seen = shown();
    if (!seen.length) return;
    const place = seen.indexOf(from);
    current = seen[place < 0 ? 0 : Math.min(seen.length - 1, Math.max(0, place + steps))];
    show();
    current.scrollIntoView({block: 'nearest'});
  }

  const cell = text => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  function table() {
    const rows = [...decisions.values()].map(({decision, ends}) => [decision, ...ends[0], ...ends[1]]);
    return [columns, ...rows].map(row => row.map(cell).join(',')).join('\n') + '\n';
  }
  function save() {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([table()], {type: 'text/csv'}));
    link.download = 'constraints.csv';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    saved = true;
  }

  document.addEventListener('click', event => {
    const pair = event.target.closest('.pair');
    if (pair === null) return;
    current = pair;
    const button = event.target.closest('button');
    if (button !== null) decide(pair, button.dataset.decision); else show();
  });
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const decision = {y: 'must-link', n: 'cannot-link'}[event.key];
    const steps = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1}[event.key];
    if (decision === undefined && steps === undefined && event.key !== 'u') return;
    event.preventDefault();
    const pair = shown().includes(current) ? current : null;
    if (event.key === 'u') undo();
    else if (steps !== undefined) go(steps, pair);
    else if (pair === null) go(0, null);
    else { decide(pair, decision); go(1, pair); }
  });
  for (const tab of document.querySelectorAll('.tabs > input')) tab.addEventListener('change', () => { current = null; show(); });
  document.getElementById('save').addEventListener('click', save);
  window.addEventListener('beforeunload', event => { if (!saved) event.preventDefault(); });
  show();
})();
