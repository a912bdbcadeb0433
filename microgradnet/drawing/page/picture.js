// The graph of a value: whole, as Graphviz laid it out, or, where it is too large, the surroundings of one node at a time.
// Its numbers are written anew; it can be moved and enlarged, and an overview says where one is.
const picture = {
  zoom: 1, centre: -1,

  start(pane) {
    this.pane = pane;
    this.svg = pane.querySelector('svg');
    this.isWhole = this.svg !== null;
    this.svg ??= pane.appendChild(shape('svg', { role: 'img', class: 'surroundings' }));
    this.svg.id = 'picture';
    if (this.isWhole) {
      const { width, height } = this.svg.viewBox.baseVal;
      this.size = [width, height];
      for (const group of this.svg.querySelectorAll('[data-node]')) group.append(shape('title'));
    } else {
      this.users = graph.nodes.map(() => []);
      this.event = new Map(graph.sends.map((edge, e) => [edge.join(' '), e]));
      for (const { index, inputs } of graph.computed) for (const source of new Set(inputs)) this.users[source].push(index);
      this.around(state.chosen);
    }
    for (const [id, factor] of [['larger', 1.3], ['smaller', 1 / 1.3]]) $(id).addEventListener('click', () => this.scale(this.zoom * factor));
    $('whole').addEventListener('click', () => this.scale(this.fitting()));
    let from = null;
    pane.addEventListener('pointerdown', event => {
      if (event.offsetX > pane.clientWidth && event.target === pane) return;  // its scroll bar
      const group = event.target.closest('#picture [data-node]'), node = group && Number(group.dataset.node);
      if (group && names[node]) choose(node);
      if (event.button || event.pointerType !== 'mouse') return;
      from = { x: event.clientX, y: event.clientY, left: pane.scrollLeft, top: pane.scrollTop, leaf: group && parameters.includes(node) ? node : null };
      from.number = from.leaf === null ? 0 : leafNumber(from.leaf);
      lastGesture = '';
      pane.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    pane.addEventListener('pointermove', event => {
      if (!from) return;
      if (from.leaf === null) return pane.scrollTo(from.left + from.x - event.clientX, from.top + from.y - event.clientY);
      const steps = Math.round(from.y - event.clientY);
      setLeaf(from.leaf, graph.exact ? plus(from.number, ratio(BigInt(steps), 50n)) : from.number + steps / 50, `drag ${from.leaf}`);
    });
    pane.addEventListener('lostpointercapture', () => { from = null; });
    pane.addEventListener('wheel', event => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.scale(this.zoom * Math.exp(-event.deltaY / 300));
    }, { passive: false });
    // All of it where its letters can be read then.
    this.scale(this.isWhole ? Math.min(2, Math.max(1, this.fitting())) : Math.min(1.6, Math.max(1, (pane.clientWidth - 8) / 728)));
    pane.scrollTo(0, 0);
    overview.start();
  },

  fitting() { return Math.min((this.pane.clientWidth - 8) / this.size[0], (this.pane.clientHeight - 8) / this.size[1], 2.5); },

  scale(zoom) {
    const { pane } = this, ratio = Math.min(4, Math.max(.1, zoom)) / this.zoom;
    const [x, y] = [pane.scrollLeft + pane.clientWidth / 2, pane.scrollTop + pane.clientHeight / 2];
    this.zoom *= ratio;
    set(this.svg, { width: this.size[0] * this.zoom, height: this.size[1] * this.zoom });
    pane.scrollTo(x * ratio - pane.clientWidth / 2, y * ratio - pane.clientHeight / 2);
    overview.frame();
  },

  // A node with its operands and theirs, each where it is used, and with what is computed with it.
  around(centre, asked = -1) {
    if (centre === this.centre && (asked < 0 || this.drawn.has(asked))) return;
    this.centre = centre;
    const wide = 112, high = 54, across = 202, row = 66, most = 7;
    const edges = shape('g'), boxes = shape('g'), drawn = [];
    const text = (x, y, look, ...words) => inSvg(boxes.lastChild.appendChild(shape('text', { x, y, ...look })), words);
    const more = (x, y, count) => { if (count > 0) boxes.append(shape('g')), text(x, y, { class: 'more', 'text-anchor': 'middle' }, `… ${count} more`); };
    const box = (node, x, y) => {
      drawn.push([node, x, y]);
      if (names[node] === '') { boxes.append(shape('g')); text(x, y + 4, { 'text-anchor': 'end', dx: wide / 2 - 8 }, ...numberParts(graph.data[node], film.digits)); return; }
      boxes.append(shape('g', { 'data-node': node, class: `node ${graph.operations[node] ? node === graph.root ? 'root' : '' : 'given'}` },
        shape('title'), shape('rect', { x: x - wide / 2, y: y - high / 2, width: wide, height: high, rx: 10 })));
      text(x, y - high / 2 + 15, { class: 'title', 'text-anchor': 'middle' }, ...nameParts(names[node]));
      for (const [k, [word, mark]] of [['data', 'value'], ['grad', 'signal']].entries()) {
        const at = y - high / 2 + 32 + 16 * k;
        text(x - wide / 2 + 8, at, { class: 'word' }, word);
        text(x - wide / 2 + 32, at, { class: mark, [`data-${mark}`]: node });
      }
    };
    // The operation is a pill before its result; a line comes to it from each of its operands.
    const operation = (node, x, y) => {
      const { name } = graph.nodes[node], sign = { add: '+', sub: '−', mul: '×', truediv: '/', div: '/', neg: '−', pow: '^', matmul: '·' }[name] ?? name;
      const half = Math.max(11, 3.6 * sign.length + 6), at = x - wide / 2 - 18 - half;
      boxes.append(shape('g', { class: 'node operation', 'data-op': node }, shape('rect', { x: at - half, y: y - 11, width: 2 * half, height: 22, rx: 11 })));
      text(at, y + 4, { 'text-anchor': 'middle' }, sign);
      this.line(edges, at + half, y, x - wide / 2, y, { 'data-into': node });
      return at - half;
    };
    // A line's number is at that end where lines are apart.
    const arrive = (node, x, y, places, from, early = true) => places.forEach((place, k) => {
      const [x0, y0] = from(place, k), e = this.event.get(`${node} ${place}`), spread = (k - (places.length - 1) / 2) * Math.min(6, 18 / places.length);
      const line = this.line(edges, x0, y0, x, y + spread, { 'data-into': node, 'data-from': graph.nodes[node].inputs[place], ...(e === undefined ? {} : { 'data-event': e }) });
      if (e !== undefined) line.append(shape('text', early
        ? { class: 'partial', 'text-anchor': 'start', x: x0 + 5, y: y > y0 ? y0 - 6 : y < y0 ? y0 + 13 : y0 - 5, 'data-partial': e }
        : { class: 'partial', 'text-anchor': 'end', x: x - 7, y: y + (y < y0 ? -5 : y > y0 ? 12 : -5) + 11 * k, 'data-partial': e }));
    });
    const operands = node => graph.nodes[node]?.inputs ?? [];
    // Of many operands those about the one that is asked for. Rows: as many for an operand as it has operands of its own.
    const count = operands(centre).length, begin = Math.max(0, Math.min(count - most, operands(centre).indexOf(asked) - 3));
    const first = operands(centre).slice(begin, begin + most).map(node => ({ node, own: count > 3 ? [] : operands(node).slice(0, 4) }));
    const rows = first.map(({ own }) => Math.max(1, own.length)), all = Math.max(1, rows.reduce((sum, count) => sum + count, 0));
    const middle = (all - 1) / 2 * row, at = first.map((_, k) => (rows.slice(0, k).reduce((sum, count) => sum + count, 0) + (rows[k] - 1) / 2) * row);
    first.forEach(({ node, own }, k) => {
      const top = at[k] - (rows[k] - 1) / 2 * row;
      own.forEach((source, n) => box(source, -2 * across, top + n * row));
      if (own.length) arrive(node, operation(node, -across, at[k]), at[k], own.map((_, place) => place), place => [-2 * across + wide / 2, top + place * row]);
      more(-2 * across, top + (own.length - .5) * row + 4, own.length && operands(node).length - own.length);
      box(node, -across, at[k]);
    });
    if (first.length) arrive(centre, operation(centre, 0, middle), middle, first.map((_, k) => begin + k), (_, k) => [-across + wide / 2, at[k]]);
    more(-across, -high / 2 - 6, begin);
    more(-across, all * row - 26, count - first.length - begin);
    box(centre, 0, middle);
    // What is computed with it; with a leaf, what is computed with that, too.
    const use = (node, x, y, user, at, k, all) => {
      const places = operands(user).flatMap((source, place) => source === node ? [place] : []).slice(0, 3);
      arrive(user, operation(user, x + across, at), at, places, (_, n) => [x + wide / 2, y + (k - (all - 1) / 2) * 6 + (n - (places.length - 1) / 2) * 14], all === 1);
      box(user, x + across, at);
    };
    const users = this.users[centre].slice(0, most), next = users.map(user => count || users.length > 3 ? [] : this.users[user].slice(0, 3));
    const high2 = next.map(own => Math.max(1, own.length)), sum2 = high2.reduce((sum, each) => sum + each, 0);
    users.forEach((user, k) => {
      const top = middle + (high2.slice(0, k).reduce((sum, each) => sum + each, 0) - (sum2 - 1) / 2) * row, y = top + (high2[k] - 1) / 2 * row;
      use(centre, 0, middle, user, y, k, users.length);
      next[k].forEach((later, n) => use(user, across, y, later, top + n * row, n, next[k].length));
      more(2 * across, top + (next[k].length - .5) * row + 4, next[k].length && this.users[user].length - next[k].length);
    });
    more(across, middle + sum2 / 2 * row + 8, this.users[centre].length - users.length);
    const told = nodes => nodes.map(node => spoken(names[node]) || saying(graph.data[node], film.digits)).join(', ');
    const words = [count ? `computed from ${told(first.map(({ node }) => node))}` : 'given', ...(users.length ? [`used by ${told(users)}`] : [])];
    set(this.svg, { 'aria-label': `${spoken(names[centre])}, ${words.join(', ')}` });
    this.drawn = new Set(drawn.map(([node]) => node));
    const xs = drawn.map(([, x]) => x), ys = drawn.map(([, , y]) => y);
    const [left, right, top, bottom] = [Math.min(...xs) - wide / 2 - 4, Math.max(...xs) + wide / 2 + 4, Math.min(...ys) - row / 2 - 14 * (begin > 0), Math.max(...ys) + row / 2 + 14];
    this.size = [right - left, bottom - top];
    this.svg.replaceChildren(edges, boxes);
    set(this.svg, { viewBox: `${left} ${top} ${right - left} ${bottom - top}`, width: this.size[0] * this.zoom, height: this.size[1] * this.zoom });
    overview.frame();
    this.last = null;
  },

  line(parent, x0, y0, x, y, look) {
    const bend = (x - x0) / 2;
    return parent.appendChild(shape('g', { class: 'edge', ...look },
      shape('path', { d: `M${x0} ${y0}C${x0 + bend} ${y0} ${x - 5 - bend} ${y} ${x - 5} ${y}` }), shape('polygon', { points: `${x - 6},${y - 2.5} ${x},${y} ${x - 6},${y + 2.5}` })));
  },

  update(step, known) {
    if (!this.isWhole) this.around(step.rest || step.stage === 'start' ? state.chosen : step.computes ?? step.uses?.[0] ?? step.nodes[0], step.uses ? step.nodes[0] : -1);
    const all = selector => this.svg.querySelectorAll(selector);
    this.svg.classList.toggle('forward', step.stage === 'forward');
    this.svg.classList.toggle('backward', step.stage === 'backward');
    for (const group of all('.node, .edge')) group.classList.remove('now', 'used');
    const mark = (kind, selectors) => selectors.length && all(selectors.join()).forEach(group => group.classList.add(kind));
    const at = name => place => `[data-${name}="${place}"]`, within = place => `[data-node~="${place}"]`;
    if (!step.rest) {
      mark('used', (step.uses ?? []).map(within));
      if (step.stage !== 'start') mark('now', step.nodes.map(within));
      if (step.stage === 'forward') mark('now', (step.computed ?? [step.computes]).flatMap(place => [at('op')(place), at('into')(place)]));
      if (step.events) mark('now', [...step.events.map(at('event')), ...step.uses.flatMap(place => [at('op')(place), `${at('into')(place)}:not([data-from])`])]);
    }
    const isKnown = place => known.nodes.has(Number(place));
    for (const group of all('[data-node]')) {
      const node = Number(group.dataset.node);
      group.classList.toggle('later', !isKnown(node));
      group.classList.toggle('chosen', node === state.chosen && step.rest === true);
      group.classList.toggle('leaf', parameters.includes(node));
      const name = names[node].replace(/_\{([^{}]*)\}/g, '$1');
      const told = [...(isKnown(node) ? [`${name} = ${inFull(now.run.data[node])}`] : []), ...(known.signals.has(node) ? [`its derivative = ${inFull(numberAt(known.signals.get(node)))}`] : [])];
      group.querySelector(':scope > title').textContent = name ? told.join('\n') : '';
    }
    for (const group of all('[data-op], [data-into]')) group.classList.toggle('later', !isKnown(group.dataset.op ?? group.dataset.into));
    const write = (text, shown, where) => {
      const { before = '' } = text.dataset;
      const [first, ...rest] = shown ? numberParts(numberAt(where), film.digits) : [''];
      inSvg(text, [shown ? before + first : '', ...rest]);
    };
    for (const text of all('[data-value]')) write(text, isKnown(text.dataset.value), ['data', text.dataset.value]);
    for (const text of all('[data-partial]')) write(text, isKnown(graph.sends[text.dataset.partial][0]), ['partial', text.dataset.partial]);
    for (const text of all('[data-added]')) write(text, known.sent.has(Number(text.dataset.added)), ['contribution', text.dataset.added]);
    for (const text of all('[data-signal]')) write(text, known.signals.has(Number(text.dataset.signal)), known.signals.get(Number(text.dataset.signal)));
    if (!step.rest && step !== this.last) this.show('.now');
    this.last = step;
    overview.update(step);
  },

  show(selector) {
    const smooth = matchMedia('(prefers-reduced-motion: no-preference)').matches, { pane } = this;
    const boxes = [...this.svg.querySelectorAll(selector)].map(target => target.getBoundingClientRect()).filter(box => box.width || box.height);
    if (!boxes.length) return;
    const around = pane.getBoundingClientRect();
    const middle = (low, high) => (Math.min(...boxes.map(box => box[low])) + Math.max(...boxes.map(box => box[high]))) / 2;
    pane.scrollBy({
      left: middle('left', 'right') - (around.left + around.right) / 2, top: middle('top', 'bottom') - (around.top + around.bottom) / 2,
      behavior: smooth ? 'smooth' : 'auto',
    });
  },

  beside(leaf, way) {
    const k = parameters.indexOf(leaf), next = parameters[(k + way + parameters.length) % parameters.length];
    $('leaves').querySelector(`[data-leaf="${next}"]`)?.focus();
  },
};

// All nodes as dots, and where among them one is. It is dragged to go elsewhere.
const overview = {
  start() {
    const { pane, isWhole } = picture;
    this.svg = $('overview');
    this.marks = Object.fromEntries(['nodes', 'near', 'now'].map(name => [name, shape('path', { class: name })]));
    this.view = shape('rect', { class: 'view' });
    this.svg.append(...Object.values(this.marks), this.view);
    this.places = isWhole ? this.laidOut() : this.layers();
    const [wide, high] = this.size = isWhole ? picture.size : [0, 1].map(k => Math.max(...this.places.map(box => box ? box[k] + box[k + 2] : 0)));
    set(this.svg, { viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: isWhole ? 'xMidYMid' : 'none' });
    this.svg.style.aspectRatio = isWhole ? `${wide} / ${high}` : '2';
    set(this.marks.nodes, { d: this.dots(this.places.keys()) });
    const go = event => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      if (isWhole) return pane.scrollTo(at.x * picture.zoom - pane.clientWidth / 2, at.y * picture.zoom - pane.clientHeight / 2);
      const far = this.places.map(box => box ? Math.hypot((box[0] + box[2] / 2 - at.x) / wide * 2, (box[1] + box[3] / 2 - at.y) / high) : Infinity);
      choose(far.indexOf(Math.min(...far)));
    };
    this.svg.addEventListener('pointerdown', event => { this.svg.setPointerCapture(event.pointerId); event.preventDefault(); go(event); });
    this.svg.addEventListener('pointermove', event => { if (this.svg.hasPointerCapture(event.pointerId)) go(event); });
    pane.addEventListener('scroll', () => this.frame());
    new ResizeObserver(() => this.frame()).observe(pane);
  },

  // Boxes where Graphviz has them; a leaf that is drawn several times, at its last place.
  laidOut() {
    const places = graph.nodes.map(() => null), corner = picture.svg.getBoundingClientRect();
    for (const group of picture.svg.querySelectorAll('[data-node]')) {
      const box = group.getBoundingClientRect();
      places[group.dataset.node] = [box.left - corner.left, box.top - corner.top, box.width, box.height].map(length => length / picture.zoom);
    }
    return places;
  },

  // By how many operations they are after a leaf, and a leaf before its first use; of as many, one below the other.
  layers() {
    const depths = [], columns = [];
    graph.nodes.forEach((node, k) => { depths[k] = node ? 1 + Math.max(...node.inputs.map(source => depths[source])) : 0; });
    depths.forEach((depth, k) => {
      if (names[k] === '') return;
      if (!graph.nodes[k]) depth = Math.min(...picture.users[k].map(user => depths[user])) - 1;
      (columns[depth] ??= []).push(k);
    });
    const places = graph.nodes.map(() => null), tall = Math.max(...columns.map(column => column?.length ?? 0));
    columns.forEach((column, x) => column.forEach((k, n) => {
      const high = .7 * Math.min(tall / column.length, tall / 5);
      places[k] = [x + .1, (n + .5) / column.length * tall - high / 2, .8, high];
    }));
    return places;
  },

  // Marks among thousands are wide enough to be seen.
  dots(nodes, least = 0) {
    return [...nodes].map(node => this.places[node]).filter(Boolean).map(([x, y, wide, high]) => {
      const broad = Math.max(wide, least * this.size[0]);
      return `M${x + (wide - broad) / 2} ${y}h${broad}v${high}h${-broad}z`;
    }).join('') || 'M0 0';
  },

  update(step) {
    if (!picture.isWhole) set(this.marks.near, { d: this.dots(picture.drawn, .01) });
    set(this.marks.now, { d: this.dots(step.rest ? [state.chosen] : step.stage === 'start' ? [] : step.nodes, .02) });
  },

  frame() {
    if (!this.svg) return;
    const { pane, zoom, isWhole } = picture, fits = pane.scrollWidth <= pane.clientWidth && pane.scrollHeight <= pane.clientHeight;
    this.svg.style.display = isWhole && fits ? 'none' : '';
    // What is beneath the overview can be scrolled above it.
    pane.style.paddingBottom = picture.size[1] * zoom > pane.clientHeight - 8 ? `${this.svg.clientHeight + 12}px` : '';
    if (isWhole) set(this.view, { x: pane.scrollLeft / zoom, y: pane.scrollTop / zoom, width: pane.clientWidth / zoom, height: pane.clientHeight / zoom });
  },
};

// The leaves of a value, each a slider and a number.
const side = {
  start() {
    $('leaves').append(...parameters.map((leaf, k) => {
      const slider = element('input', { type: 'range', min: -1000, max: 1000, step: 1 });
      slider.dataset.leaf = leaf;
      slider.setAttribute('aria-label', spoken(names[leaf]));
      const number = Number(state.theta[k]), width = Math.max(5, Math.abs(number) * 2);
      slider.addEventListener('input', () => {
        const allowed = setLeaf(leaf, graph.exact ? read((slider.value * width / 1000).toFixed(3), true) : slider.value * width / 1000, `slide ${leaf}`);
        if (!allowed) slider.value = Number(leafNumber(leaf)) / width * 1000;
      });
      slider.addEventListener('focus', () => choose(leaf));
      slider.dataset.width = width;
      slider.title = spoken(names[leaf]);
      return element('label', { className: 'leaf' }, element('span', { className: 'name' }, ...typeset(names[leaf])), slider, element('output', {}));
    }));
  },

  update() {
    [...$('leaves').children].forEach((label, k) => {
      const slider = label.querySelector('input'), number = now.run.data[parameters[k]];
      if (document.activeElement !== slider) slider.value = Number(number) / slider.dataset.width * 1000;
      slider.setAttribute('aria-valuetext', saying(number, film.digits));
      label.classList.toggle('chosen', parameters[k] === state.chosen);
      replace(label.lastChild, figures(number));
    });
  },
};
