// The teacher set: rows to edit, and what the net says over the plane, or along the line, of its inputs.
const side = {
  shownRows: 60, output: 0,

  start() {
    this.plane = inputs.length === 2;
    this.line = inputs.length === 1;
    $('map').hidden = !(this.plane || this.line);
    this.canvas = $('canvas');
    this.over = $('samples');
    this.path = shape('path', { class: 'curve' });
    this.frame = shape('svg', { viewBox: '0 0 100 100', preserveAspectRatio: 'none' }, this.path);
    this.way = graph.between(inputs, graph.outputs);
    $('all').addEventListener('click', () => change(() => { state.all = !state.all; }));
    $('add').addEventListener('click', () => change(() => {
      state.rows = [...state.rows, [...state.rows[state.row]]];
      this.renumber(state.rows.length - 1);
    }));
    $('remove').addEventListener('click', () => change(() => {
      if (state.rows.length === 1) return;
      state.rows = state.rows.filter((_, k) => k !== state.row);
      this.renumber(Math.min(state.row, state.rows.length - 1));
    }));
    if (graph.outputs.length > 1 && (this.plane || this.line)) {
      const select = $('which');
      select.parentElement.hidden = false;
      graph.outputs.forEach((_, k) => select.append(element('option', { value: k }, `y${k + 1}`)));
      select.addEventListener('change', () => { this.output = Number(select.value); refresh(); });
    }
    if (this.plane || this.line) {
      this.over.addEventListener('pointerdown', event => this.grab(event));
      new ResizeObserver(() => refresh()).observe($('map'));
    }
  },

  renumber(row) {
    state.row = row;
    state.order = state.rows.map((_, k) => k);
    state.cursor = 0;
  },

  // What the picture covers: all samples and a margin; it stays while samples are moved within it.
  window() {
    const columns = this.plane ? [0, 1] : [0];
    const wanted = columns.map(k => range(state.rows.map(row => Number(row[k]))));
    if (this.line) {
      const ts = state.rows.map(row => Number(row[inputs.length + Math.min(this.output, targets.length - 1)]));
      wanted.push(range([...ts, ...ts.length === 1 ? [ts[0] - 1, ts[0] + 1] : []]));
    }
    const inside = this.shown?.every(([low, high], k) => low <= wanted[k][0] && wanted[k][1] <= high && (high - low) < 4 * (wanted[k][1] - wanted[k][0]));
    if (!inside) this.shown = wanted.map(([low, high]) => [low - .3 * (high - low), high + .3 * (high - low)]);
    return this.shown;
  },

  grab(event) {
    const rect = this.over.getBoundingClientRect(), [[x0, x1], [y0, y1]] = this.window();
    const here = at => [(at.clientX - rect.left) / rect.width, 1 - (at.clientY - rect.top) / rect.height];
    const place = row => [(Number(row[0]) - x0) / (x1 - x0), (Number(this.plane ? row[1] : row[inputs.length + this.column()]) - y0) / (y1 - y0)];
    const start = here(event);
    const far = state.rows.map(row => Math.hypot(...place(row).map((p, k) => (p - start[k]) * (k ? rect.height : rect.width))));
    const k = far.indexOf(Math.min(...far));
    if (!(far[k] < 24)) return;
    event.preventDefault();
    choose(state.chosen, k);
    this.over.setPointerCapture(event.pointerId);
    lastGesture = '';
    const move = at => {
      const [px, py] = here(at).map(part => Math.min(1, Math.max(0, part)));
      const number = value => read(value.toFixed(2), graph.exact);
      change(() => {
        const row = [...state.rows[k]];
        row[0] = number(x0 + px * (x1 - x0));
        row[this.plane ? 1 : inputs.length + this.column()] = number(y0 + py * (y1 - y0));
        state.rows = state.rows.map((other, n) => n === k ? row : other);
      }, `sample ${k}`);
    };
    this.over.addEventListener('pointermove', move);
    this.over.addEventListener('lostpointercapture', () => this.over.removeEventListener('pointermove', move), { once: true });
  },

  column() { return Math.min(this.output, targets.length - 1); },

  update() {
    this.table();
    $('all').hidden = graph.share === '' || state.rows.length === 1;
    set($('all'), { 'aria-pressed': state.all });
    replace($('all'), [`all ${state.rows.length}`]);
    $('remove').disabled = state.rows.length === 1;
    if (this.plane) this.drawPlane();
    if (this.line) this.drawLine();
  },

  values() {
    const values = valuesFor(now.theta, state.rows[state.row]);
    graph.forward(values);
    return graph.exact ? values.map(Number) : values;
  },

  drawPlane() {
    const N = 40, { canvas } = this, values = this.values(), y = graph.outputs[this.output];
    const [[x0, x1], [y0, y1]] = this.window();
    const ts = state.rows.map(row => Number(row[2 + this.column()])), [low, high] = range(ts.length > 1 ? ts : [0, 1, ts[0]]);
    this.tones ??= ['--paper', '--positive', '--negative'].map(name => rgb(getComputedStyle(document.documentElement).getPropertyValue(name)));
    const [paper, above, under] = this.tones;
    if (canvas.width !== N) canvas.width = canvas.height = N;
    const context = canvas.getContext('2d'), image = context.createImageData(N, N);
    let at = 0;
    for (let j = 0; j < N; j++) {
      values[inputs[1]] = y1 - (j + .5) / N * (y1 - y0);
      for (let i = 0; i < N; i++) {
        values[inputs[0]] = x0 + (i + .5) / N * (x1 - x0);
        graph.forward(values, this.way);
        const side = Math.max(-1, Math.min(1, ((values[y] - low) / (high - low) - .5) * 2)) || 0, tone = side > 0 ? above : under, part = Math.abs(side) * .75;
        for (let c = 0; c < 3; c++) image.data[at++] = paper[c] + part * (tone[c] - paper[c]);
        image.data[at++] = graph.broken(values) ? 0 : 255;  // beyond a branch of the recording the net is another one
      }
    }
    context.putImageData(image, 0, 0);
    const place = row => [(Number(row[0]) - x0) / (x1 - x0) * 100, (1 - (Number(row[1]) - y0) / (y1 - y0)) * 100];
    this.dots(place, row => (Number(row[2 + this.column()]) - low) / (high - low) >= .5 ? 'positive' : 'negative');
    this.legend([x0, x1], [y0, y1], graph.net.names[0] || 'x₁', graph.net.names[1] || 'x₂');
    canvas.setAttribute('aria-label', `y over the plane of the inputs, blue where it is large, orange where it is small; ${state.rows.length} samples`);
  },

  drawLine() {
    const values = this.values(), y = graph.outputs[this.output], [[x0, x1], [y0, y1]] = this.window(), points = [];
    for (let i = 0; i <= 120; i++) {
      values[inputs[0]] = x0 + (x1 - x0) * i / 120;
      graph.forward(values, this.way);
      const height = graph.broken(values) ? NaN : 100 - (values[y] - y0) / (y1 - y0) * 100;
      points.push([i / 1.2, Math.min(300, Math.max(-200, height))]);
    }
    this.dots(row => [(Number(row[0]) - x0) / (x1 - x0) * 100, (1 - (Number(row[1 + this.column()]) - y0) / (y1 - y0)) * 100], () => 'plain');
    set(this.path, { d: lines(points) });
    this.over.prepend(this.frame);
    this.legend([x0, x1], [y0, y1], graph.net.names[0] || 'x', 'y');
    this.canvas.setAttribute('aria-label', `y over the input, and ${state.rows.length} samples`);
  },

  dots(place, kind) {
    while (this.over.children.length > state.rows.length + (this.line && this.frame.isConnected)) this.over.lastChild.remove();
    const own = [...this.over.querySelectorAll('circle')];
    state.rows.forEach((row, k) => {
      const circle = own[k] ?? this.over.appendChild(shape('circle'));
      const [cx, cy] = place(row);
      set(circle, { cx: `${cx.toFixed(2)}%`, cy: `${cy.toFixed(2)}%`, r: state.rows.length > 60 ? 3.5 : k === state.row ? 9 : 7, class: `sample ${kind(row)} ${k === state.row ? 'chosen' : ''}` });
    });
  },

  legend([x0, x1], [y0, y1], across, up) {
    replace($('across'), [element('span', {}, ...figures(x0, 2)), element('em', {}, across), element('span', {}, ...figures(x1, 2))]);
    replace($('up'), [element('span', {}, ...figures(y1, 2)), element('em', {}, up), element('span', {}, ...figures(y0, 2))]);
  },

  // The table is made anew only if its shape changes; a cell that is being typed in is left alone.
  table() {
    const width = inputs.length + targets.length, count = Math.min(state.rows.length, this.shownRows), key = `${count} ${width}`;
    if (this.key !== key) {
      this.key = key;
      const head = name => element('th', { scope: 'col' }, ...typeset(name));
      const title = (k, letter, several, given) => given || (several ? `${letter}_{${k + 1}}` : letter);
      $('columns').replaceChildren(element('th', { scope: 'col' }, element('span', { className: 'unseen' }, 'sample')),
        ...inputs.map((_, k) => head(title(k, 'x', inputs.length > 1, graph.net.names[k]))),
        ...targets.map((_, k) => head(title(k, 't', targets.length > 1, ''))),
        ...graph.outputs.map((_, k) => head(title(k, 'y', graph.outputs.length > 1, ''))));
      $('rows').replaceChildren(...Array.from({ length: count }, (_, k) => this.row(k, width)));
      $('more-rows').textContent = state.rows.length > count || graph.left_out ? [count < state.rows.length ? `The first ${count} of ${state.rows.length} samples are listed.` : '', graph.left_out ? `${graph.left_out} more were left out: too many, or of another branch.` : ''].join(' ') : '';
    }
    [...$('rows').children].forEach((line, k) => {
      const isChosen = k === state.row;
      line.classList.toggle('chosen', isChosen);
      line.querySelector('button').setAttribute('aria-pressed', isChosen);
      [...line.querySelectorAll('input')].forEach((field, n) => {
        if (document.activeElement === field) return;
        field.value = [3, 2, 1].map(digits => digitsOf(state.rows[k][n], digits).join('e').replace(/e$/, '')).find((text, place) => place === 2 || text.length <= 6);
        field.title = inFull(state.rows[k][n]);
      });
      const values = valuesFor(now.theta, state.rows[k]);
      graph.forward(values);
      [...line.querySelectorAll('output')].forEach((cell, n) => replace(cell, figures(values[graph.outputs[n]], figures(values[graph.outputs[n]], 3).length > 1 ? 1 : 3)));
    });
  },

  row(k, width) {
    const choice = element('button', { type: 'button', className: 'pick' }, String(k + 1));
    choice.setAttribute('aria-label', `sample ${k + 1}`);
    choice.addEventListener('click', () => choose(state.chosen, k));
    const fields = Array.from({ length: width }, (_, n) => {
      const field = element('input', { type: 'text', inputMode: 'decimal', size: 4 });
      field.setAttribute('aria-label', `${n < inputs.length ? `x ${n + 1}` : `t ${targets.length > 1 ? n - inputs.length + 1 : ''}`.trim()} of sample ${k + 1}`);
      field.addEventListener('input', () => {
        const number = read(field.value, graph.exact);
        field.setAttribute('aria-invalid', number === undefined);
        if (number !== undefined) change(() => { state.rows = state.rows.map((row, r) => r === k ? row.map((old, c) => c === n ? number : old) : row); }, `cell ${k} ${n}`);
      });
      field.addEventListener('focus', () => { field.value = inFull(state.rows[k][n]); choose(state.chosen, k); });
      field.addEventListener('blur', () => { field.removeAttribute('aria-invalid'); refresh(); });
      return element('td', {}, field);
    });
    return element('tr', {}, element('th', { scope: 'row' }, choice), ...fields, ...graph.outputs.map(() => element('td', {}, element('output'))));
  },
};

function rgb(colour) {
  const [, ...parts] = /#(..)(..)(..)/.exec(colour.trim()) ?? [0, 'ff', 'ff', 'ff'];
  return parts.map(part => parseInt(part, 16));
}
