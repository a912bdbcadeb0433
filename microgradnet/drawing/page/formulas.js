// Names, numbers and formulas as HTML: terms that are pointed at are found in the pictures.
let now = null;  // what follows from the state: the run of the chosen sample, E, the gradient; made by refresh
const names = film.names;
const numberAt = ([list, place]) => now.run[list][place];

function element(tag, look = {}, ...children) {
  const made = Object.assign(document.createElement(tag), look);
  made.append(...children);
  return made;
}

// A name of the derivation, w_{1,3}, with its index set as one.
const typeset = name => name.split(/_\{([^{}]*)\}/).map((part, k) => k % 2 ? element('sub', {}, part) : part);
const words = { 'δ': 'delta', '∂': 'd ', '′': ' prime', '·': 'times', '−': ' minus ', '+=': 'gets', '/': ' over ', '←': 'becomes' };
const spoken = text => text.replace(/_\{([^{}]*)\}/g, ' $1').replace(/[δ∂′·−/←]|\+=/g, sign => words[sign]).replace(/\s+/g, ' ').trim();

// A number as on paper: 6.037 · 10 to the −5, with its exponent raised.
function figures(number, digits = film.digits) {
  const [text, exponent] = digitsOf(number, digits);
  return exponent ? [`${text}·10`, element('sup', {}, exponent)] : [text];
}
const isNegative = number => Number(number) < 0;

// Where a term is in the pictures: nodes and connections by their place, edges by their event.
const places = term => [
  ...('event' in term ? [`[data-event="${term.event}"]`] : []),
  ...('node' in term ? [`[data-node~="${term.node}"]`] : []),
].join();
const drawn = selector => [...$('picture').querySelectorAll(selector)];

function button(term, label, children) {
  const look = { type: 'button', className: `term ${term.role}`, title: `${spoken(term.name || 'number')} = ${inFull(numberAt(term.n))}` };
  const made = element('button', look, ...children);
  made.setAttribute('aria-label', label);
  const point = on => {
    for (const target of drawn(places(term))) target.classList.toggle('pointed', on);
    made.classList.toggle('pointed', on);
    if (on) picture.show?.(places(term));
  };
  for (const kind of ['pointerenter', 'focus']) made.addEventListener(kind, () => point(true));
  for (const kind of ['pointerleave', 'blur']) made.addEventListener(kind, () => point(false));
  made.addEventListener('click', () => { if ('node' in term && names[term.node]) choose(term.node); });
  return made;
}

const numeral = term => button(term, saying(numberAt(term.n), film.digits), figures(numberAt(term.n)));
function named(term) {
  if (!term.name) return numeral(term);
  const made = button(term, spoken(term.name), typeset(term.name));
  made.classList.add('name');
  return made;
}
const raised = (term, made) => term.raised ? element('sup', {}, made) : made;
const symbols = terms => terms.map(term => typeof term === 'string' ? term : raised(term, named(term)));

// The same terms as numbers; a sign before a minus, or a power after it, asks for parentheses.
function substituted(terms) {
  return terms.flatMap((term, k) => {
    if (typeof term === 'string') return [term];
    const number = numberAt(term.n), before = terms[k - 1] ?? '(', after = terms[k + 1] ?? '';
    const bare = typeof before === 'string' && /[(,|] ?$/.test(before) && !after.raised;
    const made = raised(term, numeral(term));
    const asks = isNegative(number) || (isExact(number) && number.below !== 1n);
    return asks && !bare && !term.raised ? [element('span', { className: 'whole' }, '(', made, ')')] : [made];
  });
}

// Put what is new in place of what was; what is the same stays, and keeps the focus.
function replace(target, children) {
  const made = element('div', {}, ...children);
  if (target.written === made.innerHTML) return;
  target.written = made.innerHTML;
  target.replaceChildren(...made.childNodes);
}

const part = (...children) => element('span', { className: 'part' }, ...children, ' ');
// A number after its sign: = or, of a fraction that is too long to be written, ≈.
function equals(number) {
  const [first, ...rest] = figures(number), near = first.startsWith('≈');
  return [near ? '≈ ' : '= ', element('strong', { title: inFull(number) }, near ? first.slice(1) : first, ...rest)];
}
const result = number => element('span', { className: 'result' }, ...equals(number));
const enclosed = number => isNegative(number) ? element('span', { className: 'whole' }, '(', ...figures(number), ')') : element('span', { className: 'whole' }, ...figures(number));

// Other activations than the recorded ones are called by the rows that compute them.
function withActivation(line) {
  const node = graph.nodes[line.left.node];
  const own = graph.operations[line.left.node];
  if (!node || !own || node.name === own[0]) return line;
  return { ...line, terms: [`${node.name}(`, line.terms.find(term => term.node === own[1]) ?? '', ')'] };
}

function formula(recorded) {
  const line = withActivation(recorded), { left, sign, terms, before, adds } = line;
  // The difference y − t goes by its own formula, which need not be said twice.
  const itself = left.name === `(${terms.map(term => term.name ?? term).join('')})`;
  const parts = [itself ? part(named(left), ' ') : part(named(left), ` ${sign} `, ...symbols(terms))];
  if (terms.some(term => term.name)) parts.push(part('= ', ...('before' in line ? [...(before ? figures(numberAt(before)) : ['0']), ' + '] : []), ...substituted(terms)));
  if (before) parts.push(part('= ', ...figures(numberAt(before)), ' + ', enclosed(numberAt(adds))));
  if (!terms.length) parts.length = 0, parts.push(part(named(left), ' '));
  parts.push(result(numberAt(line.result)));
  return element('p', { className: 'line' }, ...parts);
}

// w becomes w − h · dE/dw, with its numbers.
function updateLine(k) {
  const name = names[parameters[k]], w = state.theta[k], slope = now.gradient[k];
  return element('p', { className: 'line' },
    part(...typeset(name), ' ← ', ...typeset(name), ' − h · ', element('span', { className: 'gradient' }, ...typeset(`∂E/∂${name}`))),
    part('= ', enclosed(w), ' − ', ...figures(state.h), ' · ', enclosed(slope)), result(now.next[k]));
}

// All signals that reach a node, as one sum.
function arrival(node) {
  const lines = film.steps.flatMap(step => step.stage === 'backward' ? step.lines : []).filter(line => line.left.node === node && line.terms.length);
  if (!lines.length) return null;
  if (lines.length === 1) return formula(lines[0]);
  if (lines.length > 6) {
    const name = spoken(names[node]);
    return element('div', {}, ...lines.slice(0, 4).map(formula), element('p', { className: 'hint' }, `and ${lines.length - 4} more, for ${name} is used ${lines.length} times`),
      element('p', { className: 'line' }, part(named(lines[0].left)), result(now.run.signal[node])));
  }
  const joined = lines.flatMap((line, k) => k ? [' + ', ...line.terms] : line.terms);
  return element('p', { className: 'line' },
    part(named(lines[0].left), ' = ', ...symbols(joined)), part('= ', ...substituted(joined)), result(now.run.signal[node]));
}
const computedBy = new Map(film.steps.filter(step => 'computes' in step).map(step => [step.computes, step.lines[0]]));
