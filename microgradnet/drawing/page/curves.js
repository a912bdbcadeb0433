// Curves: E over the chosen weight, with the slope one stands on, and E over the updates.
const SVG = 'http://www.w3.org/2000/svg';
function shape(tag, look = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(look)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
const set = (target, look) => { for (const [name, value] of Object.entries(look)) if (target.getAttribute(name) !== String(value)) target.setAttribute(name, value); };

// Whether a part of a drawing is to look otherwise than when this was last asked: most stay as they are.
const looks = new WeakMap();
const differs = (part, look) => looks.get(part) !== look && Boolean(looks.set(part, look));

// A number in a drawing, and a name with its index; the small digits are not smaller than 9 px.
function inSvg(text, parts) {
  const key = parts.flat().join('\u0001');
  if (text.dataset.key === key) return;
  text.dataset.key = key;
  text.replaceChildren(...parts.map(part => typeof part === 'string' ? part
    : shape('tspan', { dy: part[1] < 0 ? '.3em' : '-.4em', class: 'small' }, part[0])).flatMap((part, k) =>
    typeof part === 'string' && k && typeof parts[k - 1] !== 'string' ? [shape('tspan', { dy: parts[k - 1][1] < 0 ? '-.225em' : '.3em' }, part)] : [part]));
}
const nameParts = name => name.split(/_\{([^{}]*)\}/).map((part, k) => k % 2 ? [part, -1] : part).filter(part => part !== '');
function numberParts(number, digits) {
  const [text, exponent] = digitsOf(number, digits);
  return exponent ? [`${text}·10`, [exponent, 1]] : [text];
}

// How large a drawing is, without making the browser lay all out to say so.
const sizes = new Map();
const measure = svg => new ResizeObserver(([entry]) => { sizes.set(svg, [entry.contentRect.width, entry.contentRect.height]); refresh(); }).observe(svg);
const sizeOf = (svg, width, height) => { const [W, H] = sizes.get(svg) ?? [0, 0]; return [Math.max(width, W), Math.max(height, H)]; };

const range = numbers => {
  const finite = numbers.filter(Number.isFinite);
  const low = Math.min(...finite), high = Math.max(...finite);
  return high > low ? [low, high] : finite.length ? [low - Math.max(1e-9, Math.abs(low)) / 2, high + Math.max(1e-9, Math.abs(high)) / 2] : [0, 1];
};

// A line through points, with a gap where one is not finite.
function lines(points) {
  const fine = points.map(point => point.every(Number.isFinite));
  return points.map((point, k) => fine[k] ? `${fine[k - 1] ? 'L' : 'M'}${point.map(at => at.toFixed(1)).join(' ')}` : '').join('') || 'M0 0';
}

const curve = {
  middle: 0, width: 3, leaf: -1, box: { left: 52, right: 12, top: 10, bottom: 22 },

  start() {
    this.svg = $('curve');
    measure(this.svg);
    this.path = shape('path', { class: 'curve' });
    this.tangent = shape('line', { class: 'tangent' });
    this.dot = shape('circle', { class: 'dot', r: 6 });
    this.next = shape('circle', { class: 'next', r: 5 });
    this.axis = shape('path', { class: 'axis' });
    this.texts = ['end', 'end', 'start', 'middle', 'end'].map(anchor => shape('text', { 'text-anchor': anchor, class: 'scale' }));
    this.svg.append(this.axis, this.path, this.tangent, this.next, this.dot, ...this.texts);
    const drag = event => {
      const rect = this.svg.getBoundingClientRect(), { left, right } = this.box;
      const part = (event.clientX - rect.left - left) / (rect.width - left - right);
      setLeaf(this.leaf, this.middle + (Math.min(1, Math.max(0, part)) - .5) * 2 * this.width, `curve ${this.leaf}`);
    };
    this.svg.addEventListener('pointerdown', event => { this.svg.setPointerCapture(event.pointerId); lastGesture = ''; drag(event); });
    this.svg.addEventListener('pointermove', event => { if (this.svg.hasPointerCapture(event.pointerId)) drag(event); });
  },

  // The curve does not depend on where one stands on it: while only its own leaf moves, it is drawn once.
  errors(leaf, from, to, count) {
    const k = parameters.indexOf(leaf), theta = state.theta.map((w, n) => n === k ? 0 : w), { rows, acts, all, row } = state;
    const before = this.before, same = before && before.rows === rows && ['leaf', 'from', 'to', 'count', 'all', 'row'].every(name => before[name] === { leaf, from, to, count, all, row }[name])
      && before.acts === acts.join() && before.theta.every((w, n) => w === theta[n]) && !inputs.concat(targets).includes(leaf);
    if (!same) this.before = { leaf, from, to, count, all, row, rows, acts: acts.join(), theta, errors: this.sample(leaf, from, to, count) };
    return this.before.errors;
  },

  // E along one leaf, all else as it is; of many samples so few points that a refresh stays short.
  sample(leaf, from, to, count) {
    const places = scope(), after = graph.after(leaf), sums = new Array(count).fill(0);
    for (const place of places) {
      const values = valuesFor(state.theta, state.rows[place]);
      graph.forward(values);
      for (let k = 0; k < count; k++) {
        values[leaf] = from + (to - from) * k / Math.max(1, count - 1);
        if (graph.exact) for (let i = 0; i < values.length; i++) values[i] = Number(values[i]);
        graph.forward(values, after);
        // Beyond a branch of the recording there is another graph, and no curve.
        sums[k] += graph.broken(values) ? NaN : Number(values[graph.root]);
      }
    }
    return sums.map(sum => sum / share(places.length));
  },

  update(leaf) {
    const shown = leaf >= 0 && !graph.operations[leaf] && !graph.isConstant.has(leaf) && !(state.all && [...inputs, ...targets].includes(leaf));
    $('slope').hidden = !shown;
    if (!shown) return;
    const w = Number(parameters.includes(leaf) ? state.theta[parameters.indexOf(leaf)] : now.run.data[leaf]), { left, right, top, bottom } = this.box;
    if (leaf !== this.leaf) this.width = Math.max(2.5, Math.abs(w) * 1.2);
    if (leaf !== this.leaf || Math.abs(w - this.middle) > this.width) this.middle = Math.abs(w) < this.width ? 0 : w;
    this.leaf = leaf;
    const [W, H] = sizeOf(this.svg, 120, 60);
    set(this.svg, { viewBox: `0 0 ${W} ${H}` });
    const from = this.middle - this.width, to = this.middle + this.width;
    const count = Math.max(15, Math.min(81, Math.floor(2000 / scope().length)));
    const errors = this.errors(leaf, from, to, count);
    const E = Number(now.E), k = parameters.indexOf(leaf);
    const slope = Number(k >= 0 && isNet ? now.gradient[k] : now.run.signal[leaf]);
    const [low, high] = range([...errors, E]), room = (high - low) * .06;
    const x = value => left + (value - from) / (to - from) * (W - left - right);
    const y = value => H - bottom - (value - low + room) / (high - low + 2 * room) * (H - top - bottom);
    set(this.path, { d: lines(errors.map((error, i) => [x(from + (to - from) * i / (count - 1)), y(error)])) });
    set(this.axis, { d: `M${left} ${top}V${H - bottom}H${W - right}` });
    // The tangent, cut on each side to the box of the curve.
    const reach = side => {
      const across = side < 0 ? w - from : to - w, up = side * slope > 0 ? high + room - E : E - low + room;
      return Math.max(0, Math.min(this.width * .45, across, slope ? up / Math.abs(slope) : Infinity)) * side;
    };
    set(this.dot, { cx: x(w), cy: y(E) });
    // Where an update leads if it moves this one alone.
    const step = k >= 0 && now.next ? Number(now.next[k]) : NaN, there = Number.isFinite(step) ? this.sample(leaf, step, step, 1)[0] : NaN;
    this.next.style.display = Number.isFinite(there) && step > from && step < to && there >= low - room && there <= high + room ? '' : 'none';
    if (Number.isFinite(there)) set(this.next, { cx: x(step), cy: y(there) });
    set(this.tangent, Number.isFinite(slope) ? { x1: x(w + reach(-1)), y1: y(E + slope * reach(-1)), x2: x(w + reach(1)), y2: y(E + slope * reach(1)) } : { x1: 0, y1: 0, x2: 0, y2: 0 });
    const [first, second, begin, middle, end] = this.texts;
    set(first, { x: left - 5, y: top + 9 }); set(second, { x: left - 5, y: H - bottom });
    set(begin, { x: left, y: H - 5 }); set(middle, { x: (left + W - right) / 2, y: H - 5 }); set(end, { x: W - right, y: H - 5 });
    const digits = [2, 3, 4, 5].find(count => digitsOf(high, count).join() !== digitsOf(low, count).join()) ?? 2;
    inSvg(first, numberParts(high, digits)); inSvg(second, numberParts(low, digits));
    inSvg(begin, numberParts(from, 2)); inSvg(middle, nameParts(names[leaf])); inSvg(end, numberParts(to, 2));
    const of = spoken(names[graph.root]), by = spoken(names[leaf]);
    this.svg.setAttribute('aria-label', `${of} over ${by}: at ${saying(w, 3)} it is ${saying(E, 3)}, and its slope is ${saying(slope, 3)}`);
    replace($('slope-words'), ['slope ', element('span', { className: 'gradient' }, ...typeset(`∂${names[graph.root]}/∂${names[leaf]}`)), ' = ', element('strong', {}, ...figures(slope))]);
  },
};

const timeline = {
  start() {
    this.svg = $('timeline');
    measure(this.svg);
    this.path = shape('path', { class: 'curve' });
    this.axis = shape('path', { class: 'axis' });
    this.dot = shape('circle', { class: 'dot', r: 4.5 });
    this.texts = ['end', 'end', 'end'].map(anchor => shape('text', { 'text-anchor': anchor, class: 'scale' }));
    this.svg.append(this.axis, this.path, this.dot, ...this.texts);
    $('epoch').addEventListener('input', () => {
      // The later points stay, until something else is learned from here.
      const point = history[$('epoch').value];
      change(() => { state.theta = [...point.theta]; state.updates = point.updates; state.cursor = 0; }, 'epoch');
    });
  },

  update() {
    const [W, H] = sizeOf(this.svg, 120, 40);
    const left = 46, right = 8, top = 8, bottom = 16;
    set(this.svg, { viewBox: `0 0 ${W} ${H}` });
    const errors = history.map(point => point.E), high = Math.max(1e-300, ...errors.filter(Number.isFinite));
    const last = Math.max(1, history.at(-1)?.updates ?? 1, ...history.map(point => point.updates)), first = history[0]?.updates ?? 0;
    const x = updates => left + (updates - first) / Math.max(1, last - first) * (W - left - right);
    const y = E => H - bottom - E / high * (H - top - bottom);
    set(this.axis, { d: `M${left} ${top}V${H - bottom}H${W - right}` });
    set(this.path, { d: history.length > 1 ? lines(history.map(point => [x(point.updates), y(point.E)])) : 'M0 0' });
    const here = history.findIndex(point => point.updates === state.updates), point = history[here] ?? history.at(-1);
    if (point) set(this.dot, { cx: x(point.updates), cy: Number.isFinite(point.E) ? y(point.E) : top });
    const [above, zero, end] = this.texts;
    set(above, { x: left - 5, y: top + 8 }); set(zero, { x: left - 5, y: H - bottom + 3 }); set(end, { x: W - right, y: H - 3 });
    inSvg(above, numberParts(high, 2)); inSvg(zero, ['0']); inSvg(end, [history.length > 1 ? `${last}` : '']);
    const several = history.length > 1;
    $('epoch').hidden = !several;
    $('epoch').max = Math.max(0, history.length - 1);
    $('epoch').value = here < 0 ? history.length - 1 : here;
    const name = point?.name || `after ${state.updates} update${state.updates === 1 ? '' : 's'}`;
    $('epoch').setAttribute('aria-valuetext', `${name}: E is ${saying(point?.E ?? 0, 4)}`);
    replace($('epoch-name'), [`E ${name}: `, element('strong', {}, ...figures(point?.E ?? 0))]);
    this.svg.setAttribute('aria-label', `E over the updates, ${several ? `from ${saying(errors[0], 3)} to ${saying(errors.at(-1), 3)}` : 'none so far'}`);
  },
};
