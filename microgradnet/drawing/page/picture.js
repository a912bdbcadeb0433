// The graph of a value, as Graphviz laid it out; its numbers are written anew, and it can be moved and enlarged.
const picture = {
  zoom: 1,

  start(pane) {
    this.pane = pane;
    this.svg = pane.querySelector('svg');
    this.svg.id = 'picture';
    this.box = this.svg.viewBox.baseVal;
    this.size = [this.box.width, this.box.height];
    for (const group of this.svg.querySelectorAll('[data-node]')) group.append(shape('title'));
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
    this.scale(Math.min(1.5, Math.max(1.25, this.fitting())));
  },

  fitting() { return Math.min((this.pane.clientWidth - 8) / this.size[0], (this.pane.clientHeight - 8) / this.size[1], 2.5); },

  scale(zoom) {
    this.zoom = Math.min(4, Math.max(.1, zoom));
    set(this.svg, { width: this.size[0] * this.zoom, height: this.size[1] * this.zoom });
  },

  update(step, known) {
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
      group.classList.toggle('chosen', node === state.chosen);
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
    if (this.pane.querySelector('.note span')) this.pane.querySelector('.note span').hidden = step.rest || step.stage === 'start' || this.svg.querySelector('.now') !== null;
    if (!step.rest && step !== this.last) this.show('.now');
    this.last = step;
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

// The leaves of a value, each a slider and a number.
const side = {
  start() {
    $('leaves').append(...parameters.map((leaf, k) => {
      const slider = element('input', { type: 'range', min: -1000, max: 1000, step: 1 });
      slider.dataset.leaf = leaf;
      slider.setAttribute('aria-label', spoken(names[leaf]));
      const number = Number(state.theta[k]), width = Math.max(5, Math.abs(number) * 2);
      slider.addEventListener('input', () => setLeaf(leaf, graph.exact ? read((slider.value * width / 1000).toFixed(3), true) : slider.value * width / 1000, `slide ${leaf}`));
      slider.addEventListener('focus', () => choose(leaf));
      slider.dataset.width = width;
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
