// The controls, the player and its three chapters, keys, and the refresh that all goes through.
const owners = new Map();  // the layer that a node is of
(graph.net?.layers ?? []).forEach(({ neurons }, k) => neurons.forEach(({ r, f, weights, bias }) => {
  for (const place of [r, f, ...[...weights, bias].map(w => parameters[w])]) owners.set(place, k);
}));

const recorded = film.steps.map(step => ({ ...step, layer: owners.get(step.stage === 'backward' ? step.uses?.[0] : step.computes) ?? 'E' }));
const updates = isNet ? [
  ...parameters.flatMap((node, k) => learns[k] && node >= 0 ? [{ stage: 'update', title: `Update ${names[node]}`, nodes: [node], changes: [k], lines: [], layer: owners.get(node) }] : []),
  { stage: 'update', title: 'The error after the update', nodes: [graph.root], changes: [], lines: [], done: true, layer: 'E' },
] : [];
const single = [...recorded, ...updates];
const union = (one, other) => one || other ? [...new Set([...(one ?? []), ...(other ?? [])])] : undefined;
const byLayer = single.reduce((groups, step) => {
  const last = groups.at(-1);
  if (!last || last.stage !== step.stage || last.layer !== step.layer || step.done) {
    const title = step.layer === 'E' || step.stage === 'start' || step.done ? step.title : `Layer ${step.layer + 1}, ${step.stage}`;
    return [...groups, { ...step, title, computed: 'computes' in step ? [step.computes] : [] }];
  }
  const merged = { ...last, lines: [...last.lines, ...step.lines], seed: last.seed || step.seed, computed: [...last.computed, ...('computes' in step ? [step.computes] : [])] };
  for (const name of ['nodes', 'uses', 'events', 'changes']) merged[name] = union(last[name], step[name]);
  return [...groups.slice(0, -1), merged];
}, []);
let plan = single, timer = null, learning = null, speed = 1;
const chapters = ['forward', 'backward', 'update'].filter(stage => single.some(step => step.stage === stage));
const lastOf = stage => plan.findLastIndex(step => step.stage === stage);
const rest = { stage: 'rest', nodes: [], lines: [], rest: true };
let resting = true;  // until it is played, the page shows all numbers of the run

// What is known after a step: nodes with a value, where each error signal so far is to be read, events so far.
function knownAt(index) {
  const nodes = new Set(film.known), signals = new Map(), sent = new Set();
  for (const step of plan.slice(0, index + 1)) {
    for (const place of step.computed ?? ('computes' in step ? [step.computes] : [])) nodes.add(place);
    if (step.seed) signals.set(graph.root, ['seed', 0]);
    for (const event of step.events ?? []) {
      const [node, place] = graph.sends[event];
      signals.set(graph.nodes[node].inputs[place], ['total', event]);
      sent.add(event);
    }
  }
  if (index >= lastOf('backward')) for (const [node, signal] of now.run.signal.entries()) if (graph.lone.length || !signals.has(node)) signals.set(node, ['signal', node]);
  return { nodes, signals, sent };
}

const leafNumber = leaf => {
  const column = [...inputs, ...targets].indexOf(leaf);
  return column >= 0 ? state.rows[state.row][column] : state.theta[parameters.indexOf(leaf)];
};
function setLeaf(leaf, number, gesture) {
  const column = [...inputs, ...targets].indexOf(leaf), k = parameters.indexOf(leaf);
  const rounded = graph.exact ? (isExact(number) ? number : read(Number(number).toFixed(3), true)) : Number(Number(number).toPrecision(12));
  return change(() => {
    if (column >= 0) state.rows = state.rows.map((row, r) => r === state.row ? row.map((old, c) => c === column ? rounded : old) : row);
    else if (k >= 0) state.theta = state.theta.map((old, n) => n === k ? rounded : old);
  }, gesture);
}

function choose(node, row = state.row) {
  if (node === state.chosen && row === state.row && resting) return;
  state.chosen = node;
  state.row = row;
  resting = true;
  refresh();
}

function compute() {
  const index = Math.min(state.step, plan.length - 1), step = resting ? rest : plan[index];
  now = { theta: state.theta, run: graph.run(valuesFor(state.theta, state.rows[state.row])) };
  if (!isNet) {
    now.E = now.run.data[graph.root];
    now.gradient = parameters.map(node => now.run.signal[node]);
    return { index, step };
  }
  const { runs, E, gradient } = gradientOver(state.theta, scope());
  Object.assign(now, { runs, E, gradient, next: moved(state.theta, gradient) });
  if (step.stage === 'update') {
    const changed = new Set(plan.slice(0, index + 1).flatMap(each => each.changes ?? []));
    now.theta = state.theta.map((w, k) => changed.has(k) ? now.next[k] : w);
    now.after = errorOver(now.next, scope());
    if (step.done) now.run = graph.run(valuesFor(now.next, state.rows[state.row]));
  }
  return { index, step };
}

let asked = 0;
function refresh() {
  if (!asked) asked = requestAnimationFrame(() => { asked = 0; draw(); });
}

function draw() {
  const started = performance.now();
  const { index, step } = compute(), known = knownAt(resting ? plan.length : index);
  if (isNet) remember();
  if (step.stage === 'update' && !step.done) known.nodes = new Set([...known.nodes]);
  picture.update(step, known);
  card(step);
  side.update();
  if (isNet) timeline.update();
  controls(index, step);
  notebook.update();
  document.body.dataset.drawn = (performance.now() - started).toFixed(2);
}

// The card: the step that is played, or what was chosen, with its numbers.
function card(step) {
  const node = state.chosen, k = parameters.indexOf(node), leaf = !graph.operations[node];
  replace($('title'), typeset(resting ? heading(node) : step.title));
  const field = $('number');
  $('edit').hidden = !resting || !leaf || graph.isConstant.has(node);
  if (!$('edit').hidden && document.activeElement !== field) {
    field.value = inFull(leafNumber(node));
    field.removeAttribute('aria-invalid');
    field.setAttribute('aria-label', spoken(names[node]));
    replace($('edit-name'), [...typeset(names[node]), ' =']);
  }
  replace($('lines'), resting ? chosenLines(node, k) : stepLines(step));
  curve.update(resting ? node : step.stage === 'update' && step.changes.length === 1 ? step.nodes[0] : step.stage === 'backward' ? step.nodes.find(place => parameters.includes(place)) ?? -1 : -1);
  parts(resting || step.stage === 'update' ? (resting ? k : parameters.indexOf(step.nodes[0])) : -1);
}

function heading(node) {
  const name = names[node], weight = /^w_\{(x?\d+),(\d+)\}$/.exec(name), neuron = /^([rfb])_\{(\d+)\}$/.exec(name);
  if (weight) return `${name}: ${weight[1][0] === 'x' ? `x_{${weight[1].slice(1)}}` : `neuron ${weight[1]}`} to neuron ${weight[2]}`;
  if (neuron) return { r: `${name}: net input of neuron ${neuron[2]}`, f: `f_{${neuron[2]}}: output of neuron ${neuron[2]}`, b: `${name}: bias of neuron ${neuron[2]}` }[neuron[1]];
  if (inputs?.includes(node)) return `${name}, an input`;
  if (targets?.includes(node)) return `${name}, the target`;
  return graph.outputs?.includes(node) ? `${name}, the output` : name;
}

function chosenLines(node, k) {
  const lines = [], source = graph.nodes[node];
  const owner = (graph.net?.layers ?? []).flatMap(layer => layer.neurons).find(({ f }) => f === node);
  if (owner && computedBy.has(owner.r)) lines.push(formula(computedBy.get(owner.r)));
  if (source && computedBy.has(node)) lines.push(formula(computedBy.get(node)));
  const arrived = arrival(node);
  if (arrived) lines.push(arrived);
  if (isNet && lines.length && state.rows.length > 1) lines.unshift(element('p', { className: 'of' }, `sample ${state.row + 1}`));
  if (k >= 0 && isNet && state.all && state.rows.length > 1) lines.push(element('p', { className: 'of' }, `all ${state.rows.length} samples`));
  if (k >= 0 && isNet && learns[k]) lines.push(updateLine(k));
  if (k >= 0 && isNet && !learns[k]) lines.push(element('p', { className: 'hint' }, 'It is frozen: an update leaves it as it is.'));
  return lines;
}

function stepLines(step) {
  if (step.note) return [element('p', {}, step.note)];
  if (step.done) return afterwards();
  if (step.stage === 'update') return [...step.changes.slice(0, 8).map(updateLine), ...left(step.changes.length - 8)];
  return [...step.lines.slice(0, 8).map(formula), ...left(step.lines.length - 8)];
}
const left = count => count > 0 ? [element('p', { className: 'hint' }, `and ${count} more`)] : [];

function afterwards() {
  const difference = minus(now.after, now.E), grew = Number(difference) > 0 || Number.isNaN(Number(difference));
  return [
    element('p', { className: 'line' }, part('E'), part('before ', element('strong', {}, ...figures(now.E))), part('after ', element('strong', {}, ...figures(now.after)))),
    element('p', { className: grew ? 'verdict worse' : 'verdict' }, ...(Number(difference) === 0 ? ['E stays as it is: no slope is left to go down.']
      : grew ? ['E grew: h = ', ...figures(state.h), ' is too large here. The step went beyond the valley; a smaller h stays in it.']
        : ['E is smaller by ', ...figures(negative(difference)), '. One more step on takes the new weights.'])),
  ];
}

// The gradient of one weight as the sum of what each sample gives.
function parts(k) {
  const shown = isNet && k >= 0 && state.all && state.rows.length > 1;
  for (const id of ['parts', 'sum']) $(id).toggleAttribute('hidden', !shown);
  if (!shown) return;
  const [base, index = ''] = names[parameters[k]].split(/_?[{}]/), all = selector => [...$('sum').querySelectorAll(selector)];
  for (const [selector, words] of [['.w', base], ['mtext', index], ['.count', state.rows.length]]) for (const target of all(selector)) target.textContent = words;
  for (const mean of all('.mean')) mean.toggleAttribute('hidden', graph.share !== 'mean');
  const count = share(state.rows.length), most = innerHeight < 900 ? 4 : 12;
  const slopes = now.runs.map(found => divided(found.signal[parameters[k]], count));
  const heights = slopes.map(slope => Math.abs(Number(slope))), largest = Math.max(1e-300, ...heights.filter(Number.isFinite));
  // Of many samples those that give most, and the one that is shown.
  const first = slopes.map((_, row) => row).sort((a, b) => (b === state.row) - (a === state.row) || heights[b] - heights[a]).slice(0, most).sort((a, b) => a - b);
  replace($('parts'), [element('caption', {}, 'sample by sample, ', ...typeset(`∂E/∂${names[parameters[k]]}`)),
    ...first.map(row => {
      const slope = slopes[row], bar = element('span', { className: isNegative(slope) ? 'bar minus' : 'bar' });
      bar.style.setProperty('--part', (Math.abs(Number(slope)) / largest || 0).toFixed(3));
      return element('tr', { className: row === state.row ? 'chosen' : '' }, element('th', { scope: 'row' }, String(row + 1)), element('td', { className: 'bars' }, bar), element('td', {}, ...figures(slope)));
    }),
    ...(slopes.length > most ? [element('tr', {}, element('td', { colSpan: 3 }, `and ${slopes.length - most} that give less`))] : []),
    element('tr', { className: 'sum' }, element('th', { scope: 'row' }, graph.share === 'mean' ? 'mean' : 'Σ'), element('td'), element('td', {}, ...figures(now.gradient[k])))]);
}

function controls(index, step) {
  const at = resting ? Math.max(0, lastOf('backward')) : index, stepper = $('step');
  stepper.max = plan.length - 1;
  stepper.value = at;
  $('count').textContent = resting ? 'All numbers' : `Step ${index + 1} of ${plan.length}`;
  stepper.setAttribute('aria-valuetext', resting ? 'all numbers of the run' : sentence(step, index));
  $('first').disabled = $('back').disabled = !resting && index === 0;
  $('last').disabled = $('on').disabled = !isNet && !resting && index === plan.length - 1;
  for (const chapter of $('chapters').children) {
    const stage = chapter.dataset.stage, first = plan.findIndex(each => each.stage === stage);
    chapter.style.flexGrow = lastOf(stage) - first + 1;
    chapter.setAttribute('aria-pressed', !resting && step.stage === stage);
  }
  $('undo').disabled = !past.length;
  $('redo').disabled = !future.length;
  $('refused').hidden = !(refused || locked);
  $('refused').textContent = refused || locked;
  if (isNet) {
    if (document.activeElement !== $('h')) $('h').value = inFull(state.h);
    $('h-range').value = Math.log10(Number(state.h)) * 100;
    $('h-range').setAttribute('aria-valuetext', saying(state.h, 3));
    $('mode').value = typeof state.mode === 'number' ? 'mini' : state.mode;
    $('size').hidden = typeof state.mode !== 'number';
    if (document.activeElement !== $('size')) $('size').value = typeof state.mode === 'number' ? state.mode : 2;
    if (document.activeElement !== $('seed')) $('seed').value = state.seed;
    [...picture.tools.querySelectorAll('select')].forEach((select, k) => { if (state.acts[k]) select.value = state.acts[k]; });
    replace($('E'), ['E', state.all ? ` over all ${state.rows.length} ` : ` of sample ${state.row + 1} `, ...equals(step.done ? now.after : now.E)]);
  } else {
    replace($('E'), [...typeset(names[graph.root]), ' ', ...equals(now.E)]);
  }
  // A slider that has the focus speaks for itself; while the film plays, no reader keeps up.
  if (document.activeElement !== stepper && !timer && !learning && !resting) $('status').textContent = sentence(step, index);
}

function sentence(step, index) {
  const lines = step.lines.slice(0, 4).map(line => `${spoken(line.left.name)} ${line.sign === '+=' ? 'becomes' : 'is'} ${saying(numberAt(line.result), film.digits)}`);
  const changes = (step.changes ?? []).slice(0, 4).map(k => `${spoken(names[parameters[k]])} becomes ${saying(now.next[k], film.digits)}`);
  const end = step.done ? [`E is ${saying(now.E, film.digits)} before, ${saying(now.after, film.digits)} after`] : [];
  return `Step ${index + 1} of ${plan.length}, ${step.stage}. ${spoken(step.title)}. ${step.note ?? [...lines, ...changes, ...end].join('; ')}`;
}

// The player. One step beyond the last takes the new weights, and begins again.
function go(index) {
  resting = false;
  if (index > plan.length - 1 && isNet) {
    const next = now.next;
    if (next.every(w => Number.isFinite(Number(w)))) change(() => { state.theta = next; state.updates++; state.step = 0; });
    else { refused = 'A weight would become infinite or nan: h is too large.'; state.step = 0; refresh(); }
    return;
  }
  state.step = Math.min(plan.length - 1, Math.max(0, index));
  refresh();
}
const position = () => resting ? -1 : Math.min(state.step, plan.length - 1);
const icons = { play: 'M7 4v16l13-8z', pause: 'M6 4h4v16H6zM14 4h4v16h-4z' };
function showPlay(name, icon) {
  $('play').setAttribute('aria-label', name);
  $('play').querySelector('path').setAttribute('d', icon);
}
function pause() {
  clearTimeout(timer);
  timer = null;
  showPlay('Play', icons.play);
  refresh();
}
function play() {
  if (timer) return pause();
  stopLearning();
  if (position() === plan.length - 1) go(isNet ? plan.length : 0);
  else go(position() + 1);
  showPlay('Pause', icons.pause);
  const tick = () => {
    if (!isNet && position() === plan.length - 1) return pause();
    go(position() + 1);
    timer = setTimeout(tick, 1500 / speed);
  };
  timer = setTimeout(tick, 1500 / speed);
}

// Learning: so many updates a frame that speed has a meaning, and a frame stays short.
function stopLearning() {
  if (!learning) return;
  cancelAnimationFrame(learning);
  learning = null;
  $('learn').textContent = 'Learn';
  $('learn').setAttribute('aria-pressed', 'false');
  refresh();
}
// A first update goes by all checks; what follows it is undone with it.
function once(gesture) {
  let trouble = '';
  const allowed = change(() => { trouble = update(); }, gesture);
  if (trouble) { refused = trouble; refresh(); }
  return allowed && !trouble;
}
function learn() {
  if (learning) return stopLearning();
  if (timer) pause();
  resting = true;
  lastGesture = '';
  if (!once('learn')) return;
  $('learn').textContent = 'Pause';
  $('learn').setAttribute('aria-pressed', 'true');
  let owed = 0;
  const frame = () => {
    const end = performance.now() + 8;
    owed += speed;
    const own = graph.exact && state.theta.some(w => isExact(w) && w.below.toString(16).length > 2000);
    if (own) { refused = 'The fractions have thousands of digits; learning stops here.'; return stopLearning(); }
    for (; owed >= 1 && performance.now() < end; owed--) {
      const trouble = update() || (broken() ? 'An update would lead beyond what was recorded; learning stops here.' : '');
      if (trouble) { if (broken()) travel(past, future); refused = trouble; return stopLearning(); }
      remember();
    }
    refresh();
    owed = Math.min(owed, speed);
    learning = requestAnimationFrame(frame);
  };
  learning = requestAnimationFrame(frame);
}

function begin() {
  fromLink();
  for (const [k, { name, theta }] of (film.snapshots ?? []).entries()) {
    const numbers = theta.map(number => taken(number, graph.exact));
    history.push({ updates: k, theta: numbers, E: Number(errorOver(numbers, shownRows())), name });
  }
  if (film.snapshots?.length && location.hash.length < 2) state.updates = 0, state.theta = [...history[0].theta];
  const moves = { first: () => go(0), back: () => go(resting ? lastOf('backward') - 1 : position() - 1), on: () => go(position() + 1), last: () => go(plan.length - 1) };
  for (const [id, move] of Object.entries(moves)) $(id).addEventListener('click', () => { if (timer) pause(); move(); });
  $('play').addEventListener('click', play);
  $('step').addEventListener('input', () => { if (timer) pause(); go(Number($('step').value)); });
  for (const stage of chapters) {
    const chapter = element('button', { type: 'button' }, stage);
    chapter.dataset.stage = stage;
    chapter.addEventListener('click', () => { if (timer) pause(); go(plan.findIndex(step => step.stage === stage)); });
    $('chapters').append(chapter);
  }
  const typed = $('number');
  typed.addEventListener('input', () => {
    const number = read(typed.value, graph.exact);
    typed.setAttribute('aria-invalid', number === undefined);
    if (number !== undefined) setLeaf(state.chosen, number, `type ${state.chosen}`);
  });
  typed.addEventListener('blur', refresh);
  typed.addEventListener('keydown', event => {
    if (event.key === 'Enter') typed.blur();
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (way) { event.preventDefault(); nudge(state.chosen, way, event.shiftKey); typed.value = inFull(leafNumber(state.chosen)); }
  });
  $('undo').addEventListener('click', undo);
  $('redo').addEventListener('click', redo);
  $('link').addEventListener('click', async () => {
    const link = linked();
    $('address').value = link;
    $('address').hidden = false;
    $('address').select();
    $('status').textContent = 'The link is in the field, ready to be copied.';
    if (window !== top) return;  // a frame has no address of its own, and may not copy
    location.replace(`#${link.split('#')[1]}`);
    try { await navigator.clipboard.writeText(link); $('status').textContent = 'The link is copied.'; } catch { /* the field has it */ }
  });
  addEventListener('hashchange', () => { fromLink(); refresh(); });
  $('layers').addEventListener('change', () => {
    const stage = plan[position()]?.stage;
    plan = $('layers').checked ? byLayer : single;
    if (stage) go(plan.findIndex(step => step.stage === stage)); else refresh();
  });
  $('projector').addEventListener('change', () => document.documentElement.classList.toggle('projector', $('projector').checked));
  $('speed').addEventListener('input', () => { speed = 2 ** Number($('speed').value); $('speed').setAttribute('aria-valuetext', `${speed} times`); });
  if (isNet) {
    $('step-once').addEventListener('click', () => { stopLearning(); resting = true; once(''); });
    $('learn').addEventListener('click', learn);
    $('reset').addEventListener('click', () => {
      stopLearning();
      shuffler = new Random(0);
      change(() => { Object.assign(state, { theta: [...given.theta], rows: given.rows.map(row => [...row]), acts: [...given.acts], updates: 0, cursor: 0, order: given.rows.map((_, k) => k), row: firstRow() }); setActivations(); history = []; });
    });
    const setH = number => { if (number !== undefined && Number(number) > 0) change(() => { state.h = number; }, 'h'); };
    $('h').addEventListener('input', () => { const number = read($('h').value, graph.exact); $('h').setAttribute('aria-invalid', !(Number(number) > 0)); setH(number); });
    $('h').addEventListener('blur', () => { $('h').removeAttribute('aria-invalid'); refresh(); });
    $('h-range').addEventListener('input', () => setH(read(String(Number((10 ** ($('h-range').value / 100)).toPrecision(2))), graph.exact)));
    $('mode').disabled = graph.share === '';
    const setMode = mode => change(() => { state.mode = mode; state.cursor = 0; if (mode === 'online') state.all = false; else state.all = graph.share !== '' && state.rows.length > 1; });
    $('mode').addEventListener('change', () => setMode($('mode').value === 'mini' ? 2 : $('mode').value));
    $('size').addEventListener('input', () => { if ($('size').value >= 1) setMode(Math.trunc($('size').value)); });
    $('seed').addEventListener('change', () => change(() => { state.seed = Math.max(0, Math.trunc(Number($('seed').value)) || 0); drawWeights(); state.updates = 0; state.cursor = 0; history = []; shuffler = new Random(0); }));
    timeline.start();
  }
  const said = [...new Set(graph.guards.flat().map(saidOf))];
  replace($('recorded'), said.slice(0, 4).map(words => element('p', { className: 'hint' }, `The graph was ${words}, and is locked beyond.`)).concat(left(said.length - 4)));
  notebook.start();
  side.start();
  curve.start();
  picture.start($('pane'));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { side.tones = null; refresh(); });
  refresh();
}

function nudge(leaf, way, fine) {
  const number = leafNumber(leaf);
  setLeaf(leaf, graph.exact ? plus(number, ratio(BigInt(way), fine ? 100n : 10n)) : number + way * (fine ? .01 : .1), `key ${leaf}`);
}

function undo() { stopLearning(); travel(past, future); }
function redo() { stopLearning(); travel(future, past); }
const keys = { ArrowLeft: () => $('back'), ArrowRight: () => $('on'), Home: () => $('first'), End: () => $('last') };
document.addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z' && !event.target.matches('input[type=text]')) {
    event.preventDefault();
    return event.shiftKey ? redo() : undo();
  }
  const own = event.target.closest('input, button, summary, select, textarea, .scrolls'), handle = event.target.closest('.handle');
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (handle) {
    const leaf = Number(handle.dataset.node), way = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (way) nudge(leaf, way, event.shiftKey);
    else if (side) picture.beside(leaf, side);
    else if (event.key === 'Enter') $('number').focus();
    else return;
    return event.preventDefault();
  }
  if (event.shiftKey || (own?.matches('input, select, textarea, .scrolls') && !(event.key === ' ' && own.matches('[type=range], .scrolls')))) return;
  if (event.key === ' ' && !own?.matches('button, summary')) play();
  else if (keys[event.key]) keys[event.key]().click();
  else return;
  event.preventDefault();
});
begin();
