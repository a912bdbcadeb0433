// What the page is at any time: one object, which undo and a link restore. Views read it and what follows from it.
const $ = id => document.getElementById(id);
const film = JSON.parse($('film').textContent);
for (const { lines } of film.steps) for (const line of lines) {
  line.left = film.terms[line.left];
  line.terms = line.terms.map(term => film.terms[term] ?? term);
}
const graph = new Graph(film.graph);
const isNet = film.kind === 'net';
const { parameters, inputs = [], targets = [], frozen = [] } = graph;
const learns = parameters.map((_, k) => !frozen.includes(k));
const chosenFirst = Math.max(0, parameters.findIndex(place => place >= 0));

// The first sample whose inputs are not 0, for at those every gradient of a first weight is.
function firstRow() {
  const zeros = graph.rows.map(row => inputs.filter((_, k) => Number(taken(row[k], graph.exact)) === 0).length);
  return zeros.indexOf(Math.min(...zeros));
}

const state = {
  theta: parameters.map(place => graph.data[place]),
  rows: graph.rows.map(row => row.map(number => taken(number, graph.exact))),
  row: firstRow(), all: isNet && graph.rows.length > 1 && graph.share !== '', h: taken(film.h, graph.exact), mode: graph.share === '' ? 'online' : film.mode,
  seed: 1, acts: (graph.net?.layers ?? []).map(layer => layer.row), chosen: parameters[chosenFirst], step: 0,
  order: graph.rows.map((_, k) => k), cursor: 0, updates: 0,
};
const given = { theta: [...state.theta], rows: state.rows.map(row => [...row]), acts: [...state.acts] };
let shuffler = new Random(0);
let history = [];

const fields = ['row', 'all', 'mode', 'seed', 'acts', 'chosen', 'step', 'order', 'cursor', 'updates'];
const saved = () => JSON.stringify({
  ...Object.fromEntries(fields.map(name => [name, state[name]])),
  theta: state.theta.map(kept), rows: state.rows.map(row => row.map(kept)), h: kept(state.h),
});
function restore(text) {
  const from = JSON.parse(text), width = inputs.length + targets.length;
  const numbers = (list, length) => {
    const found = list.map(number => taken(number, graph.exact));
    if (found.length !== length || found.some(number => !isExact(number) && typeof number !== 'number')) throw new RangeError('a state of another net');
    return found;
  };
  const theta = numbers(from.theta, parameters.length), rows = from.rows.map(row => numbers(row, width));
  const whole = (number, least, most) => Math.min(most, Math.max(least, Math.trunc(Number(number) || 0)));
  if (!rows.length) throw new RangeError('a state without samples');
  const known = place => place in graph.operations && graph.names[place] !== '';
  Object.assign(state, {
    theta, rows, row: whole(from.row, 0, rows.length - 1), all: from.all === true && isNet && graph.share !== '',
    h: taken(from.h, graph.exact), mode: ['batch', 'online'].includes(from.mode) ? from.mode : whole(from.mode, 1, 1e6),
    seed: whole(from.seed, 0, 1e15), chosen: known(from.chosen) ? from.chosen : parameters[chosenFirst], step: whole(from.step, 0, 1e6),
    order: rows.length === from.order?.length && from.order.toSorted((a, b) => a - b).every((place, k) => place === k) ? from.order : rows.map((_, k) => k),
    cursor: whole(from.cursor, 0, rows.length - 1), updates: whole(from.updates, 0, 1e12),
    acts: state.acts.map((own, k) => own && graph.choices.concat(given.acts).includes(from.acts?.[k]) ? from.acts[k] : given.acts[k]),
  });
  if (graph.share === '') state.mode = 'online';
  setActivations();
}

function setActivations() {
  for (const [k, layer] of (graph.net?.layers ?? []).entries()) {
    if (!state.acts[k]) continue;
    for (const { r, f } of layer.neurons) {
      const own = graph.operations[f];
      if (graph.nodes[f].name !== state.acts[k]) graph.setOperation(f, own[0] === state.acts[k] ? own : [state.acts[k], r]);
    }
  }
}

// The numbers of all leaves for a sample; the rest is computed.
function valuesFor(theta, row) {
  const values = [...graph.data];
  theta.forEach((number, k) => { values[parameters[k]] = number; });
  [...inputs, ...targets].forEach((place, k) => { if (place >= 0) values[place] = row[k]; });
  return values;
}

const share = count => graph.share === 'mean' ? count : 1;
const divided = (number, count) => count === 1 ? number : over(number, isExact(number) ? ratio(BigInt(count)) : count);
const add = (a, b) => graph.exact ? plus(a, b) : a + b;

// E over samples, and its gradient; and what each sample gives to it.
function gradientOver(theta, places) {
  const runs = places.map(place => graph.run(valuesFor(theta, state.rows[place])));
  const sum = of => runs.slice(1).reduce((sofar, found) => add(sofar, of(found)), of(runs[0])), count = share(places.length);
  const gradient = parameters.map(node => divided(sum(found => found.signal[node]), count));
  return { runs, E: divided(sum(found => found.data[graph.root]), count), gradient };
}
function errorOver(theta, places) {
  let E;
  for (const place of places) {
    const error = graph.forward(valuesFor(theta, state.rows[place]));
    E = E === undefined ? error : add(E, error);
  }
  return divided(E, share(places.length));
}

const everyRow = () => state.rows.map((_, k) => k);
const scope = () => state.all ? everyRow() : [state.row];
const moved = (theta, gradient) => theta.map((w, k) => learns[k] ? (graph.exact ? minus(w, times(state.h, gradient[k])) : w - state.h * gradient[k]) : w);

// One update: of all samples, the next one, or the next mini-batch. E is that of the samples, before it.
function update() {
  const size = state.mode === 'batch' ? state.rows.length : state.mode === 'online' ? 1 : state.mode;
  if (state.cursor === 0 && typeof state.mode === 'number') state.order = shuffler.shuffled(state.order);
  const places = state.mode === 'batch' ? everyRow() : state.order.slice(state.cursor, state.cursor + size);
  const { E, gradient } = gradientOver(state.theta, places);
  const theta = moved(state.theta, gradient);
  if (!theta.every(w => Number.isFinite(Number(w)))) return 'A weight would become infinite or nan: h is too large.';
  state.theta = theta;
  state.cursor += size;
  if (state.cursor >= state.rows.length) state.cursor = 0;
  state.updates++;
  return '';
}

// Weights and E after each update, thinned out where there are very many.
function remember() {
  const E = Number(errorOver(state.theta, shownRows())), here = history.findIndex(point => point.updates === state.updates);
  if (here >= 0 && history[here].theta.every((w, k) => w === state.theta[k] || is_eq(w, state.theta[k]))) {
    if (history[here].E === E) return;
    // Samples were changed, and with them the error of all weights.
    const few = history.length * state.rows.length < 4000;
    history = history.map((point, k) => k === here ? { ...point, E } : few ? { ...point, E: Number(errorOver(point.theta, shownRows())) } : point);
    return;
  }
  history = [...history.filter(point => point.updates < state.updates), { updates: state.updates, theta: state.theta, E, name: '' }];
  if (history.length > 1200) history = history.filter((_, k) => k % 2 === 0 || k === history.length - 1);
}
const shownRows = () => graph.share === '' ? [state.row] : everyRow();

function drawWeights() {
  const random = new Random(state.seed), theta = [...state.theta];
  graph.net.layers.forEach(({ neurons }, k) => neurons.forEach(({ weights, bias }) => {
    const oneSided = graph.one_sided.includes(state.acts[k]);
    const limit = oneSided ? Math.sqrt(6 / weights.length) : Math.sqrt(6 / (weights.length + neurons.length));
    for (const w of weights) theta[w] = random.uniform(-limit, limit);
    theta[bias] = 0.0;
  }));
  state.theta = theta;
}

const broken = () => graph.guards.length ? scope().map(place => graph.broken(valuesFor(state.theta, state.rows[place]))).find(Boolean) ?? null : null;
const locked = graph.foreign.length ? `Only Python knows ${graph.foreign.join(', ')}: the numbers are those of the recording, and cannot be changed here.` : '';

const saidOf = ([held, words]) => `recorded where ${words} was ${held ? 'true' : 'false'}`;

// Change the state; what one gesture changes is undone at once. Returns whether the graph allows it.
const past = [], future = [];
let lastGesture = '', refused = '';
function change(alter, gesture = '') {
  const before = saved(), memory = history;
  if (locked) { refused = locked; refresh(); return false; }
  alter(state);
  const guard = broken();
  if (guard) {
    restore(before);
    history = memory;
    refused = `This graph was ${saidOf(guard)}; beyond, it would be another one.`;
    refresh();
    return false;
  }
  refused = '';
  if (saved() !== before) {
    if (!gesture || gesture !== lastGesture) past.push({ before, memory });
    if (past.length > 500) past.shift();
    future.length = 0;
    lastGesture = gesture;
  }
  refresh();
  return true;
}
function travel(from, to) {
  const point = from.pop();
  if (!point) return;
  to.push({ before: saved(), memory: history });
  restore(point.before);
  history = point.memory;
  lastGesture = refused = '';
  refresh();
}

// A link carries the state in its fragment, of which no server hears.
const linked = () => `${location.href.split('#')[0]}#${btoa(saved()).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`;
function fromLink() {
  if (location.hash.length < 2) return;
  const before = saved();
  try {
    restore(atob(location.hash.slice(1).replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    restore(before);
    refused = 'The link is of another page; it was left alone.';
  }
}
