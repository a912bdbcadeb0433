// The net, drawn by the page: boxes with fixed room for their numbers, and lines that can be dragged.
const picture = {
  start(pane) {
    this.pane = pane;
    this.svg = shape('svg', { id: 'picture', role: 'group', 'aria-label': 'The network: inputs on the left, neurons in columns, the output on the right. Arrows up and down change what is focused, left and right go on.' });
    pane.append(this.svg);
    this.tools = element('div', { className: 'activations' });
    pane.prepend(this.tools);
    this.tools.append(...graph.net.layers.map((layer, k) => this.select(layer, k)));
    new ResizeObserver(() => { this.build(); refresh(); }).observe(pane);
  },

  select(layer, k) {
    const names = { step: 'threshold' }, own = layer.row ? given.acts[k] : layer.activation;
    const select = element('select', { disabled: !layer.row });
    select.setAttribute('aria-label', `activation g of layer ${k + 1}`);
    for (const name of new Set([own, ...(layer.row ? graph.choices : [])])) select.append(element('option', { value: name }, names[name] ?? name));
    select.addEventListener('change', () => change(() => { state.acts[k] = select.value; setActivations(); }));
    return element('label', {}, element('span', { className: 'unseen' }, `g of layer ${k + 1}`), select);
  },

  // Where all is: columns, and in each column boxes of one size.
  layout() {
    const layers = graph.net.layers, counts = [inputs.length, ...layers.map(layer => layer.neurons.length)];
    const columns = counts.length, tall = Math.max(...counts), base = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const width = this.pane.clientWidth - 2, least = Math.max(180, Math.min(tall, 24) * 18) * base;
    // Where there is little room, as on a phone, what the target is stands below the output, and numbers are shorter:
    // with their names, without, or not at all, but never beyond the edge of the page.
    const tight = width >= (columns * 118 + 104) * base ? '' : width >= (columns * 88 + 12) * base ? 'named' : width >= (columns * 66) * base ? 'bare' : 'dots';
    if (tight) this.pane.style.minHeight = `${least + this.tools.offsetHeight + 4}px`;
    const height = Math.max(this.pane.clientHeight - this.tools.offsetHeight - 4, least);
    // Where there is room all is drawn larger.
    const unit = base * Math.min(1.4, Math.max(1, Math.min(height / tall / 110, width / (columns * 200 + 104)) / base));
    const gauge = (tight ? 18 : 122) * unit, line = 15 * unit;
    const box = { bare: 46, dots: 12 }[tight] * unit || Math.min(118 * unit, Math.max((tight ? 66 : 88) * unit, (width - gauge) / columns * (tight ? .7 : .58)));
    const left = box / 2 + 4, right = width - gauge - box / 2;
    const x = counts.map((_, k) => left + (right - left) * (columns === 1 ? 0 : k / (columns - 1)));
    const spacing = counts.map(count => height / count);
    const lines = spacing.map((space, k) => tight === 'dots' ? 0 : Math.max(0, Math.min(k ? 4 : 2, Math.floor((space - 9 * unit) / line))));
    if (box < 100 * unit) lines[0] = Math.min(1, lines[0]);
    const under = tight && tight !== 'dots' ? Math.min(2, Math.max(0, Math.floor((spacing.at(-1) - 13 * unit) / line) - 2)) : 0;
    if (under) lines[columns - 1] = Math.min(lines.at(-1), Math.floor((spacing.at(-1) - 13 * unit) / line) - under);
    return { tight, under, unit, counts, width, height, gauge, line, box, x, spacing, lines, y: (k, j) => height * (j + .5) / counts[k] };
  },

  build() {
    const at = this.at = this.layout(), { width, height, unit } = at, focused = this.svg.contains(document.activeElement) ? Number(document.activeElement.dataset.node) : -1;
    set(this.svg, { viewBox: `0 0 ${width} ${height}`, width, height, style: `font-size: ${12 * unit}px` });
    this.lines = []; this.boxes = []; this.chips = []; this.handles = [];
    const below = shape('g'), labels = shape('g'), above = shape('g');
    this.svg.replaceChildren(below, above, labels);
    const { layers } = graph.net;
    const sources = [inputs, ...layers.map(layer => layer.neurons.map(neuron => neuron.f))];
    layers.forEach((layer, k) => layer.neurons.forEach((neuron, j) => neuron.weights.forEach((w, i) => {
      const from = { x: at.x[k] + at.box / 2, y: at.y(k, i) }, to = { x: at.x[k + 1] - at.box / 2, y: at.y(k + 1, j) };
      this.connection(below, w, k, from, to, i, j);
    })));
    layers.forEach((layer, k) => this.label(labels, k));
    inputs.forEach((node, i) => this.input(above, node, i));
    layers.forEach((layer, k) => layer.neurons.forEach((neuron, j) => this.neuron(above, neuron, k, j)));
    graph.outputs.forEach((node, j) => this.output(above, node, j));
    this.nodes = [...this.svg.querySelectorAll('[data-node]')].map(group => [group, group.dataset.node.split(' ').map(Number)]);
    this.handles.sort((a, b) => a.rank - b.rank);
    this.handles.find(({ leaf }) => leaf === focused)?.group.focus({ preventScroll: true });
    [...this.tools.children].forEach((label, k) => { label.style.left = `${at.x[k + 1]}px`; label.style.maxWidth = `${Math.min(at.box + 30 * unit, at.x[k + 1] - at.x[k] - 4)}px`; });
  },

  // What can be dragged, focused and changed by the arrow keys.
  handle(group, leaf, rank) {
    set(group, { role: 'slider', tabindex: -1, 'data-node': leaf });
    group.classList.add('handle');
    const entry = { group, leaf, rank };
    this.handles.push(entry);
    this.grab(group, group, leaf);
    group.addEventListener('focus', () => { if (state.chosen !== leaf) choose(leaf); });
    return entry;
  },

  // A leaf is dragged by its handle, a weight by its number, too.
  grab(target, group, leaf) {
    target.addEventListener('pointerdown', event => {
      if (event.button) return;
      const start = event.clientY, from = leafNumber(leaf);
      let steps = 0;
      choose(leaf);
      group.focus({ preventScroll: true });
      target.setPointerCapture(event.pointerId);
      event.preventDefault();
      lastGesture = '';
      const move = step => {
        const turned = Math.round((start - step.clientY) / (step.shiftKey ? 10 : 1));
        if (turned === steps) return;
        steps = turned;
        setLeaf(leaf, graph.exact ? plus(from, ratio(BigInt(steps), 50n)) : from + steps / 50, `drag ${leaf}`);
      };
      target.addEventListener('pointermove', move);
      target.addEventListener('lostpointercapture', () => target.removeEventListener('pointermove', move), { once: true });
    });
  },

  connection(parent, w, k, from, to, i, j) {
    const leaf = parameters[w], d = `M${from.x} ${from.y}L${to.x} ${to.y}`;
    const line = shape('path', { class: 'line', d });
    const group = shape('g', { class: 'connection' }, shape('path', { class: 'hit', d }), line);
    parent.append(group);
    this.handle(group, leaf, k * 1e6 + j * 1e3 + i);
    this.lines.push({ group, line, w, leaf, k, from, to });
  },

  // Numbers on the lines of one layer, all as far along, where they are clear of each other; else only the chosen one's.
  label(parent, k) {
    const lines = this.lines.filter(line => line.k === k), { unit, box } = this.at;
    const room = this.at.x[k + 1] - this.at.x[k] - box, high = 16 * unit;
    const full = room > 102 * unit, wide = (full ? 94 : 48) * unit;
    let best = { part: .5, gap: 0 };
    if (lines.length <= 80 && room > wide + 8 * unit) {
      const edge = (wide / 2 + 3 * unit) / room;
      for (let step = 0; step <= 40; step++) {
        const part = edge + (1 - 2 * edge) * step / 40;
        const heights = lines.map(({ from, to }) => from.y + part * (to.y - from.y)).sort((a, b) => a - b);
        const gap = heights.length > 1 ? Math.min(...heights.slice(1).map((y, n) => y - heights[n])) : Infinity;
        if (gap > best.gap + 1e-6) best = { part, gap };
      }
    }
    const all = best.gap >= high + 2 * unit;
    for (const line of lines) {
      const x = line.from.x + best.part * (line.to.x - line.from.x), y = line.from.y + best.part * (line.to.y - line.from.y);
      const text = shape('text', { 'text-anchor': 'middle', x, y: y + 4.2 * unit });
      const plate = shape('rect', { y: y - high / 2, height: high, rx: 3 });
      const chip = shape('g', { class: 'chip', 'data-node': line.leaf, 'aria-hidden': true }, plate, text);
      parent.append(chip);
      this.grab(chip, line.group, line.leaf);
      this.chips.push({ chip, text, plate, x, line, always: all, full: full || !all, fits: room > 96 * unit || lines.length > 80 });
    }
  },

  box(parent, k, j, kind, rows) {
    const { box, line, unit } = this.at, count = rows.length, x = this.at.x[k], y = this.at.y(k, j);
    const high = count ? count * line + 7 * unit : 12 * unit, wide = count ? box : 12 * unit;
    const group = shape('g', { class: `box ${kind}` }, shape('rect', { class: 'body', x: x - wide / 2, y: y - high / 2, width: wide, height: high, rx: kind === 'neuron' ? Math.min(high / 2, 12 * unit) : 4 }));
    parent.append(group);
    const entry = { group, rows: [] };
    rows.forEach((row, n) => {
      const baseline = y - high / 2 + 3.5 * unit + line * (n + .76);
      const edge = box / 2 - (this.at.tight ? 4 : 8) * unit, bare = this.at.tight === 'bare';
      const name = shape('text', { x: x - edge, y: baseline, class: `name ${row.role}` });
      const value = shape('text', { x: bare ? x : x + edge, y: baseline, 'text-anchor': bare ? 'middle' : 'end', class: `number ${row.role}` });
      if (!bare) inSvg(name, nameParts(row.name));
      let parent = group;
      if (row.handle) {
        parent = shape('g', { class: 'row' }, shape('rect', { class: 'hit', x: x - box / 2 + 3, y: baseline - line * .76, width: box - 6, height: line }));
        group.append(parent);
        this.handle(parent, row.node, row.rank);
      }
      parent.append(name, value);
      entry.rows.push({ ...row, name, value });
    });
    this.boxes.push(entry);
    return entry;
  },

  digits() { return this.at.box / this.at.unit >= 104 ? film.digits : this.at.box / this.at.unit >= 96 ? 3 : 2; },

  // A number for a box; where there is little room so short that it is enough whatever it is.
  short(number, digits, room = { named: 7, bare: 6 }[this.at.tight] ?? Infinity) {
    const fits = parts => room === Infinity || !Number.isFinite(Number(number)) || (parts.length === 1 && parts[0].length <= room);
    for (let count = digits; count; count--) if (fits(numberParts(number, count))) return numberParts(number, count);
    const [mantissa, exponent] = Number(number).toExponential(0).replace(/-/g, '−').replace('+', '').split('e');
    return [`${mantissa}·10`, [exponent, 1]];
  },

  input(parent, node, i) {
    const shown = this.at.lines[0] ? [{ name: names[node] || `x_{${i + 1}}`, node, what: 'data', role: 'input', handle: true, rank: -1e6 + i }] : [];
    if (this.at.lines[0] > 1) shown.push({ name: `∂E/∂${names[node] || 'x'}`, node, what: 'signal', role: 'error', room: 7 });
    const { group } = this.box(parent, 0, i, 'input', shown);
    set(group, { 'data-node': node });
    const label = graph.net.names[i];
    if (label) group.append(shape('title', {}, label));
  },

  neuron(parent, neuron, k, j) {
    const number = names[neuron.r].match(/\{(.*)\}/)?.[1] ?? '', last = k === graph.net.layers.length - 1;
    const bias = parameters[neuron.bias], count = this.at.lines[k + 1];
    const rows = [
      { name: `r_{${number}}`, node: neuron.r, what: 'data', role: 'input' },
      { name: last ? names[neuron.f] : `f_{${number}}`, node: neuron.f, what: 'data', role: 'input' },
      { name: `δ_{${number}}`, node: neuron.f, what: 'signal', role: 'error' },
      { name: `b_{${number}}`, node: bias, what: 'data', role: 'bias', handle: true, rank: k * 1e6 + j * 1e3 + 999 },
    ];
    const chosen = { 4: [0, 1, 2, 3], 3: [1, 2, 3], 2: [1, 2], 1: [1], 0: [] }[count].map(row => rows[row]);
    const { group } = this.box(parent, k + 1, j, 'neuron', chosen);
    set(group, { 'data-node': count > 2 ? `${neuron.r} ${neuron.f}` : `${neuron.r} ${neuron.f} ${bias}`, 'data-neuron': number });
    group.addEventListener('click', event => { if (!event.target.closest('.handle')) choose(neuron.f); });
    if (count < 3) {
      const { box, unit } = this.at, x = this.at.x[k + 1] - (count ? box / 2 : 0), y = this.at.y(k + 1, j) + (count * this.at.line + 1 * unit) / 2;
      const dot = shape('g', { class: 'bias' }, shape('circle', { cx: x + 6 * unit, cy: y, r: 4 * unit }));
      parent.append(dot);
      this.handle(dot, bias, k * 1e6 + j * 1e3 + 999);
    }
  },

  // At an output its target and, where that is what the error is made of, the gap between: y − t.
  output(parent, node, j) {
    const last = this.at.counts.length - 1, { unit, line, gauge, box } = this.at;
    const target = targets.length === graph.outputs.length ? targets[j] : targets[0];
    const { tight, under, lines, spacing } = this.at, x = this.at.x[last] + box / 2 + (tight ? -4 : 8) * unit, y = this.at.y(last, j), high = Math.min(spacing[last] - 8 * unit, 120 * unit);
    const bar = { x: x + 12 * unit, top: y - high / 2, high, unit };
    const scale = shape('path', { class: 'axis', d: `M${bar.x} ${bar.top}v${high}` });
    const gap = shape('path', { class: 'gap' }), markY = shape('path', { class: 'mark y' }), markT = shape('path', { class: 'mark t' });
    const arrow = shape('path', { class: 'axis', d: `M${this.at.x[last] + box / 2} ${y}H${bar.x}` });
    const hasGap = names.some(name => name.includes(' − t'));
    const group = shape('g', { class: 'output' }, arrow, ...(hasGap ? [scale, gap, markY, markT] : []));
    parent.append(group);
    const entry = { group, rows: [], bar: hasGap && bar, node, target, gap, markY, markT };
    const texts = (hasGap && high >= 30 * unit ? ['t', 'gap'] : ['t']).slice(0, tight ? under : 2);
    texts.forEach((what, n) => {
      const left = tight ? this.at.x[last] - box / 2 + 2 * unit : bar.x + 12 * unit, wide = tight ? box : gauge - 42 * unit;
      const baseline = y + (tight ? (lines[last] / 2 + n + .78) * line + 5 * unit : (n - texts.length / 2 + .78) * line);
      const name = shape('text', { x: left, y: baseline, class: `name ${what === 'gap' ? 'error' : ''}` });
      const value = shape('text', { x: left + (tight ? box - 4 * unit : 26 * unit), y: baseline, 'text-anchor': tight ? 'end' : 'start', class: `number ${what === 'gap' ? 'error' : ''}` });
      if (tight !== 'bare') inSvg(name, what === 'gap' ? ['y−t'] : nameParts(names[target] || 't'));
      const row = shape('g', { class: what === 'gap' ? 'row' : 'row target' });
      if (what === 't') {
        row.append(shape('rect', { class: 'hit', x: left - 3, y: baseline - line * .76, width: wide, height: line }));
        this.handle(row, target, 1e9 + j);
      }
      row.append(name, value);
      group.append(row);
      entry.rows.push({ what, name, value });
    });
    this.boxes.push(entry);
  },

  update(step, known) {
    if (!this.at) return;
    const theta = now.theta, largest = Math.max(1e-300, ...this.lines.map(({ w }) => Math.abs(Number(theta[w]))).filter(Number.isFinite));
    for (const { group, line, w } of this.lines) {
      const weight = Number(theta[w]), size = (Math.min(1, Math.abs(weight) / largest) || 0).toFixed(3);
      const sign = weight > 0 ? 'positive' : weight < 0 ? 'negative' : 'neither';
      if (differs(line, `${sign} ${size}`)) {
        for (const name of ['positive', 'negative', 'neither']) group.classList.toggle(name, name === sign);
        line.style.setProperty('--size', size);
      }
    }
    const digits = this.digits();
    for (const { chip, text, plate, x, line, always, full, fits } of this.chips) {
      const marked = fits && ((line.leaf === state.chosen && step.rest) || (!always && step.nodes?.includes(line.leaf) && step.nodes.length < 3));
      chip.style.display = always || marked ? '' : 'none';
      chip.classList.toggle('chosen', line.leaf === state.chosen && step.rest === true);
      if (!always && !marked) continue;
      const words = [...(full ? [...nameParts(names[line.leaf]), ' '] : []), ...numberParts(theta[line.w], full ? 3 : 2)];
      inSvg(text, words);
      const wide = (6 + words.reduce((sum, part) => sum + (typeof part === 'string' ? 6.7 * part.length : 5 * part[0].length), 0)) * this.at.unit;
      set(plate, { x: (x - wide / 2).toFixed(1), width: wide.toFixed(1) });
    }
    for (const box of this.boxes) {
      for (const row of box.rows) {
        if (row.what === 'data') inSvg(row.value, known.nodes.has(row.node) ? this.short(now.run.data[row.node], digits) : ['']);
        if (row.what === 'signal') inSvg(row.value, known.signals.has(row.node) ? this.short(numberAt(known.signals.get(row.node)), digits, row.room) : ['']);
        if (row.what === 't') inSvg(row.value, this.short(now.run.data[box.target], 3));
        if (row.what === 'gap') inSvg(row.value, known.nodes.has(box.node) ? this.short(minus(now.run.data[box.node], now.run.data[box.target]), 3) : ['']);
      }
      if (box.bar) this.gauge(box, known.nodes.has(box.node));
    }
    // One of them is a stop of the tab key: what is chosen, or the first.
    const stop = this.handles.find(({ leaf }) => leaf === state.chosen) ?? this.handles[0];
    for (const entry of this.handles) {
      const { group, leaf } = entry, number = now.run.data[leaf], chosen = leaf === state.chosen && step.rest === true;
      if (!differs(group, `${number} ${chosen} ${entry === stop}`)) continue;
      set(group, { 'aria-label': spoken(names[leaf] || 'input'), 'aria-valuenow': Number.isFinite(Number(number)) ? Number(number) : 0, 'aria-valuetext': saying(number, film.digits), tabindex: entry === stop ? 0 : -1 });
      group.classList.toggle('chosen', chosen);
    }
    this.mark(step, known);
  },

  gauge({ bar, node, target, gap, markY, markT }, isKnown) {
    const y = Number(now.run.data[node]), t = Number(now.run.data[target]), { x, top, high, unit } = bar;
    const low = Math.min(y, t, 0), reach = Math.max(y, t, 1) - low || 1, edge = 6 * unit;
    const at = value => (top + high - edge - (value - low) / reach * (high - 2 * edge)).toFixed(1);
    const fine = Number.isFinite(y) && Number.isFinite(t) && isKnown;
    set(markT, { d: Number.isFinite(t) ? `M${x - 6 * unit} ${at(t)}h${12 * unit}` : 'M0 0' });
    set(markY, { d: fine ? `M${x - 6 * unit} ${at(y)}h${12 * unit}` : 'M0 0' });
    set(gap, { d: fine ? `M${x} ${at(y)}V${at(t)}` : 'M0 0' });
  },

  mark(step, known) {
    const kinds = { nodes: new Set(step.stage === 'start' ? [] : step.nodes), uses: new Set(step.uses ?? []) };
    this.svg.classList.toggle('forward', step.stage === 'forward');
    this.svg.classList.toggle('backward', step.stage === 'backward');
    const playing = !step.rest;
    for (const [group, own] of this.nodes) {
      const is = { now: playing && own.some(place => kinds.nodes.has(place)), used: playing && own.some(place => kinds.uses.has(place)), later: !own.some(place => known.nodes.has(place)) };
      if (differs(own, `${is.now} ${is.used} ${is.later}`)) for (const name in is) group.classList.toggle(name, is[name]);
    }
    for (const { group } of this.boxes) group.classList.toggle('chosen', !playing && (group.dataset.node ?? '').split(' ').includes(String(state.chosen)));
  },

  // The handle beside the one that is focused.
  beside(leaf, way) {
    const k = this.handles.findIndex(handle => handle.leaf === leaf);
    const next = this.handles[(k + way + this.handles.length) % this.handles.length];
    next?.group.focus({ preventScroll: false });
  },
};
