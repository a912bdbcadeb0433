'use strict';
// Shows the recorded steps; every number is in the film as text, none is computed here.
const $ = id => document.getElementById(id);
const film = JSON.parse($('film').textContent);
const controls = { step: $('step'), epoch: $('epoch') };
let timer = null;

const epoch = () => film.epochs[controls.epoch.value];
const scene = () => film.scenes[epoch().scene];
const now = () => Number(controls.step.value);
const number = ([list, place]) => [epoch()[list][place]].flat();
const shown = where => number(where)[0].replaceAll('-', '−');
// Two digits, where a picture has no room for more; one if they still are too long.
const shortened = (x, room) => {
  const ways = [String(Number(x.toPrecision(2))), ...[1, 0].map(digits => x.toExponential(digits).replace('e+', 'e'))];
  return ways.find(text => text.length <= room) ?? ways.at(-1);
};
const brief = (where, room = 7) => number(where).at(-1).replace(/^-?[\d.e+-]+$/, text => shortened(Number(text), room)).replaceAll('-', '−');
const inFull = where => number(where).at(-1).replaceAll('-', '−');

function element(tag, look = {}, ...children) {
  const made = Object.assign(document.createElement(tag), look);
  made.append(...children);
  return made;
}

// A name of the derivation, w_{1,3}, with its index set as one.
const typeset = name => name.split(/_\{([^{}]*)\}/).map((part, k) => k % 2 ? element('sub', {}, part) : part);
const words = { 'δ': 'delta', '∂': 'd ', '′': ' prime', '·': 'times', '−': ' minus ', '+=': 'gets', '/': ' over ' };
const spoken = text => text.replace(/_\{([^{}]*)\}/g, ' $1').replace(/[δ∂′·−/]|\+=/g, sign => words[sign]).replace(/\s+/g, ' ').trim();

const drawn = selector => document.querySelectorAll(`.scene:not([hidden]) :is(${selector})`);

// Where a term is in the pictures: nodes and connections by their place, edges by their event.
const places = term => [
  ...('event' in term ? [`[data-event="${term.event}"]`] : []),
  ...('node' in term ? [`[data-node~="${term.node}"]`] : []),
].join();

function button(term, text, children) {
  const look = { type: 'button', className: `term ${term.role}`, title: `${spoken(term.name || 'number')} = ${inFull(term.n)}` };
  const made = element('button', look, ...children);
  made.setAttribute('aria-label', spoken(text));
  const point = on => {
    for (const target of drawn(places(term))) target.classList.toggle('pointed', on);
    made.classList.toggle('pointed', on);
    if (on) bringIntoView(places(term));
  };
  for (const kind of ['pointerenter', 'focus', 'click']) made.addEventListener(kind, () => point(true));
  for (const kind of ['pointerleave', 'blur']) made.addEventListener(kind, () => point(false));
  return made;
}

const named = term => {
  const made = button(term, term.name || shown(term.n), term.name ? typeset(term.name) : [shown(term.n)]);
  if (term.name) made.classList.add('name');
  return made;
};
const raised = (term, made) => term.raised ? element('sup', {}, made) : made;
const symbols = terms => terms.map(term => typeof term === 'string' ? term : raised(term, named(term)));

// The same terms as numbers; a sign before a minus, or a power after it, asks for parentheses.
function substituted(terms) {
  return terms.flatMap((term, k) => {
    if (typeof term === 'string') return [term];
    const text = shown(term.n), before = terms[k - 1] ?? '(', after = terms[k + 1] ?? '';
    const bare = typeof before === 'string' && /[(,|] ?$/.test(before) && !after.raised;
    const made = raised(term, button(term, text, [text]));
    return /[−/]/.test(text) && !bare && !term.raised ? [element('span', { className: 'whole' }, '(', made, ')')] : [made];
  });
}

const part = (...children) => element('span', { className: 'part' }, ...children, ' ');

function formula(line) {
  const { left, sign, terms, before, adds, result } = line;
  // The difference y − t goes by its own formula, which need not be said twice.
  const itself = left.name === `(${terms.map(term => term.name ?? term).join('')})`;
  const parts = [itself ? part(named(left), ' ') : part(named(left), ` ${sign} `, ...symbols(terms))];
  if (terms.some(term => term.name)) parts.push(part('= ', ...('before' in line ? [before ? shown(before) : '0', ' + '] : []), ...substituted(terms)));
  if (before) parts.push(part(`= ${shown(before)} + `, /^−/.test(shown(adds)) ? `(${shown(adds)})` : shown(adds)));
  if (!terms.length) parts.length = 0, parts.push(part(named(left), ' '));
  parts.push(element('span', { className: 'result' }, '= ', element('strong', { title: inFull(result) }, shown(result))));
  return element('p', { className: 'line' }, ...parts);
}

function sentence(step) {
  const lines = step.lines.map(line => `${spoken(line.left.name)} ${line.sign === '+=' ? 'becomes' : 'is'} ${spoken(shown(line.result))}`);
  return `Step ${now() + 1} of ${scene().steps.length}, ${step.stage}. ${spoken(step.title)}. ${step.note ?? lines.join('; ')}`;
}

// What is known after a step: the nodes with a value, where each error signal so far is to be read, the events so far.
function known(upTo) {
  const nodes = new Set(scene().known), signals = new Map(), sent = new Set();
  for (const step of scene().steps.slice(0, upTo + 1)) {
    if ('computes' in step) nodes.add(step.computes);
    if (step.seed) signals.set(scene().root, ['seed', 0]);
    for (const event of step.events ?? []) signals.set(scene().events[event][1], ['total', event]), sent.add(event);
  }
  return { nodes, signals, sent };
}

function bringIntoView(selector) {
  const smooth = matchMedia('(prefers-reduced-motion: no-preference)').matches;
  for (const pane of document.querySelectorAll('.pictures .pane')) {
    const boxes = [...pane.querySelectorAll(selector)].map(target => target.getBoundingClientRect()).filter(box => box.width || box.height);
    if (!boxes.length) continue;
    const around = pane.getBoundingClientRect();
    const middle = (low, high) => (Math.min(...boxes.map(box => box[low])) + Math.max(...boxes.map(box => box[high]))) / 2;
    pane.scrollBy({
      left: middle('left', 'right') - (around.left + around.right) / 2,
      top: middle('top', 'bottom') - (around.top + around.bottom) / 2,
      behavior: smooth ? 'smooth' : 'auto',
    });
  }
}

function showPictures(step, { nodes, signals, sent }) {
  const pictures = document.querySelector('.pictures'), all = drawn;
  pictures.classList.toggle('forward', step.stage === 'forward');
  pictures.classList.toggle('backward', step.stage === 'backward');
  for (const pane of pictures.querySelectorAll('.pane')) [...pane.children].forEach((part, k) => { part.hidden = k !== epoch().scene; });
  for (const group of all('.node, .edge')) group.classList.remove('now', 'used', 'pointed');
  const mark = (kind, selectors) => selectors.length && all(selectors.join()).forEach(group => group.classList.add(kind));
  const at = name => place => `[data-${name}="${place}"]`, within = place => `[data-node~="${place}"]`;
  mark('used', (step.uses ?? []).map(within));
  if (step.stage !== 'start') mark('now', step.nodes.map(within));
  if (step.stage === 'forward') mark('now', [at('op')(step.computes), at('into')(step.computes)]);
  if (step.events) mark('now', [...step.events.map(at('event')), ...step.uses.flatMap(place => [at('op')(place), `${at('into')(place)}:not([data-from])`])]);
  const isKnown = place => nodes.has(Number(place));
  for (const group of all('[data-node]')) group.classList.toggle('later', !group.dataset.node.split(' ').some(isKnown));
  for (const group of all('[data-op], [data-into]')) group.classList.toggle('later', !isKnown(group.dataset.op ?? group.dataset.into));
  const write = (text, known, read, where) => {
    const { before = '', room } = text.dataset;
    text.textContent = known ? before + read(where, room && Number(room)) : '';
  };
  for (const text of all('[data-value]')) write(text, isKnown(text.dataset.value), shown, ['data', text.dataset.value]);
  for (const outside of drawn('.note span')) outside.hidden = step.stage === 'start' || $('graph').querySelector('.scene:not([hidden]) .now') !== null;
  // In the network each neuron and line tells its numbers to the pointer.
  for (const group of all('#network [data-node]')) {
    const name = place => scene().names[place].replace(/_\{([^{}]*)\}/g, '$1');
    const told = place => [
      ...(isKnown(place) ? [`${name(place)} = ${inFull(['data', place])}`] : []),
      ...(signals.has(Number(place)) ? [`∂${name(scene().root)}/∂${name(place)} = ${inFull(signals.get(Number(place)))}`] : []),
    ];
    const tip = group.querySelector(':scope > title') ?? group.appendChild(document.createElementNS(group.namespaceURI, 'title'));
    tip.textContent = group.dataset.node.split(' ').flatMap(told).join('\n');
  }
  for (const text of all('[data-brief]')) write(text, true, brief, ['data', text.dataset.brief]);
  for (const text of all('[data-partial]')) write(text, isKnown(scene().events[text.dataset.partial][0]), shown, ['partial', text.dataset.partial]);
  for (const text of all('[data-added]')) write(text, sent.has(Number(text.dataset.added)), shown, ['contribution', text.dataset.added]);
  for (const text of all('[data-signal]')) write(text, signals.has(Number(text.dataset.signal)), shown, signals.get(Number(text.dataset.signal)));
}

// Weights change from epoch to epoch, and with them their lines: colour and dashes by sign, width by size.
const real = text => Number(text.replace('≈', '').replace(/inf|∞/, 'Infinity'));
const weight = (place, { data } = epoch()) => [data[place]].flat().at(-1).split('/').map(real).reduce((above, below) => above / below);
const largest = Math.max(1e-300, ...film.epochs.flatMap(each =>
  [...$('network').children[each.scene]?.querySelectorAll('[data-weight]') ?? []].map(line => Math.abs(weight(line.dataset.weight, each))).filter(Number.isFinite)));

function showWeights() {
  for (const line of drawn('[data-weight]')) {
    const w = weight(line.dataset.weight), share = Math.min(1, Math.abs(w) / largest) || 0;
    for (const [kind, is] of [['positive', w > 0], ['negative', w < 0], ['neither', !(w > 0 || w < 0)]]) line.classList.toggle(kind, is);
    if (line.matches('.connection')) line.style.setProperty('--size', share);
  }
}

function showTable({ nodes, signals }) {
  const row = (name, place) => element('tr', {},
    Object.assign(element('th', {}, ...typeset(name)), { scope: 'row' }),
    element('td', {}, nodes.has(place) ? inFull(['data', place]) : 'not yet'),
    element('td', {}, signals.has(place) ? inFull(signals.get(place)) : 'none yet'));
  $('numbers').replaceChildren(...scene().names.flatMap((name, place) => name ? [row(name, place)] : []));
}

function show() {
  controls.step.max = scene().steps.length - 1;
  const step = scene().steps[now()], state = known(now());
  $('title').replaceChildren(...typeset(step.title));
  $('lines').replaceChildren(...(step.note ? [element('p', {}, step.note)] : step.lines.map(formula)));
  $('count').textContent = `Step ${now() + 1} of ${scene().steps.length}`;
  $('epoch-name').textContent = `Epoch ${epoch().name}: ${scene().names[scene().root]} = ${shown(['data', scene().root])}`;
  controls.step.setAttribute('aria-valuetext', sentence(step));
  controls.epoch.setAttribute('aria-valuetext', $('epoch-name').textContent);
  $('first').disabled = $('back').disabled = now() === 0;
  $('last').disabled = $('on').disabled = now() === scene().steps.length - 1;
  showPictures(step, state);
  showWeights();
  if ($('numbers').closest('details').open) showTable(state);
  // A slider that has the focus speaks for itself; while the film plays, no reader keeps up.
  if (document.activeElement !== controls.step && !timer) $('status').textContent = sentence(step);
  bringIntoView('.now');
}

function go(place) {
  controls.step.value = place;
  show();
}

function showButton(name, icon) {
  $('play').setAttribute('aria-label', name);
  $('play').querySelector('path').setAttribute('d', icon);
}

function pause() {
  clearInterval(timer);
  timer = null;
  showButton('Play', 'M7 4v16l13-8z');
}

function play() {
  if (timer) return pause(), show();
  if (now() === scene().steps.length - 1) go(0);
  showButton('Pause', 'M6 4h4v16H6zM14 4h4v16h-4z');
  timer = setInterval(() => {
    go(now() + 1);
    if (now() === scene().steps.length - 1) pause(), show();
  }, 1500);
}

const moves = {
  first: () => go(0), back: () => go(now() - 1), on: () => go(now() + 1), last: () => go(scene().steps.length - 1),
};
for (const [id, move] of Object.entries(moves)) $(id).addEventListener('click', () => { pause(); move(); });
$('play').addEventListener('click', play);
controls.step.addEventListener('input', () => { pause(); show(); });
controls.epoch.addEventListener('input', show);
$('numbers').closest('details').addEventListener('toggle', () => showTable(known(now())));

const keys = { ArrowLeft: 'back', ArrowRight: 'on', Home: 'first', End: 'last' };
document.addEventListener('keydown', event => {
  const own = event.target.closest('input, button, summary, .pane');
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || (own?.matches('input, .pane') && event.key !== ' ')) return;
  if (event.key === ' ' && !own?.matches('button, summary')) play();
  else if (keys[event.key]) pause(), moves[keys[event.key]]();
  else return;
  event.preventDefault();
});

controls.epoch.max = film.epochs.length - 1;
$('epochs').hidden = film.epochs.length === 1;
show();
