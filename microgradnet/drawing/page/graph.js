// The graph, computed: forward node by node, backward edge by edge, each node by its row of the table.
class Graph {
  constructor(graph) {
    Object.assign(this, graph);
    this.exact = graph.data.some(number => typeof number === 'string' && /^-?\d+(\/\d+)?$/.test(number));
    this.data = graph.data.map(number => taken(number, this.exact));
    this.root = graph.data.length - 1;
    this.fixedPartials = new Map(Object.entries(graph.fixed).map(([node, list]) => [Number(node), list.map(p => p === null ? 0 : taken(p, this.exact))]));
    this.nodes = graph.operations.map((operation, node) => operation && this.node(operation, node));
    this.computed = this.nodes.filter(Boolean);
    this.isConstant = new Set(graph.constants);
    const event = new Map(graph.sends.map(([node, place], e) => [`${node} ${place}`, e]));
    const edge = (node, place) => ({ node, place, source: this.nodes[node].inputs[place], e: event.get(`${node} ${place}`) ?? -1 });
    // In the order of the recording; where a signal may take another way, in the order of the graph.
    this.edges = graph.lone.length
      ? this.computed.toReversed().flatMap(({ index, inputs }) => inputs.map((_, place) => edge(index, place)))
      : graph.sends.map(([node, place]) => edge(node, place));
    this.below = new Map();
  }

  node([name, ...inputs], index) {
    const key = `${name} ${inputs.length}`;
    return {
      index, name, inputs, operands: new Array(inputs.length), mayStop: this.lone.includes(name),
      floats: rows.floats[key], fractions: rows.fractions[key], fixed: this.fixedPartials.get(index),
    };
  }

  // Another activation: one operation in place of one.
  setOperation(index, [name, ...inputs]) {
    const node = this.node([name, ...inputs], index);
    this.computed[this.computed.indexOf(this.nodes[index])] = node;
    this.nodes[index] = node;
    this.below.clear();
  }

  // Floats beside a fraction make floats of it, as in Python.
  gather(node, values) {
    const { inputs, operands } = node;
    for (let k = 0; k < inputs.length; k++) operands[k] = values[inputs[k]];
    if (!this.exact) return node.floats;
    if (operands.every(number => number instanceof Ratio)) return node.fractions;
    for (let k = 0; k < inputs.length; k++) operands[k] = Number(operands[k]);
    return node.floats;
  }

  forward(values, nodes = this.computed) {
    if (this.exact) {
      for (const node of nodes) if (!node.fixed) values[node.index] = this.gather(node, values).value(node.operands);
      return values[this.root];
    }
    for (const { index, inputs, operands, floats, fixed } of nodes) {
      if (fixed) continue;
      for (let k = 0; k < inputs.length; k++) operands[k] = values[inputs[k]];
      values[index] = floats.value(operands);
    }
    return values[this.root];
  }

  // All numbers of one run: data, and by edge the partial, what it adds, and the sum so far.
  run(values) {
    const slopes = new Array(values.length), count = this.sends.length, one = this.exact && isExact(values[this.root]) ? ratio(1n) : 1.0;
    for (const node of this.computed) {
      if (node.fixed) { slopes[node.index] = [values[node.index], ...node.fixed]; continue; }
      slopes[node.index] = this.gather(node, values).slopes(node.operands);
      values[node.index] = slopes[node.index][0];
    }
    const seed = this.exact && isExact(values[this.root]) ? one : 1.0;
    const zero = isExact(seed) ? ratio(0n) : 0.0;
    const signal = new Array(values.length).fill(zero);
    const found = { data: values, signal, partial: new Array(count), contribution: new Array(count), total: new Array(count), seed: [seed] };
    signal[this.root] = seed;
    for (const { node, place, source, e } of this.edges) {
      const partial = slopes[node][place + 1];
      const stops = this.nodes[node].mayStop && Number(partial) === 0;
      const added = stops ? zero : this.exact ? times(partial, signal[node]) : partial * signal[node];
      signal[source] = this.exact ? plus(signal[source], added) : signal[source] + added;
      if (e >= 0) found.partial[e] = partial, found.contribution[e] = added, found.total[e] = signal[source];
    }
    return found;
  }

  // The nodes that one depends on a leaf, in order: all that must be computed anew if only it changes.
  after(leaf) {
    if (!this.below.has(leaf)) {
      const touched = new Set([leaf]);
      this.below.set(leaf, this.computed.filter(({ index, inputs }) => inputs.some(source => touched.has(source)) && touched.add(index)));
    }
    return this.below.get(leaf);
  }

  // The nodes between some leaves and some results.
  between(leaves, results) {
    const touched = new Set(leaves), wanted = new Set(results);
    const onWay = this.computed.filter(({ index, inputs }) => inputs.some(source => touched.has(source)) && touched.add(index));
    return onWay.toReversed().filter(({ index, inputs }) => wanted.has(index) && inputs.forEach(source => wanted.add(source)) === undefined).toReversed();
  }

  // The comparison of the recording that these numbers would answer otherwise, if there is one.
  broken(values) {
    if (!this.guards.length) return null;
    const given = this.leaves.map(leaf => leaf < 0 ? 0 : Number(values[leaf]));
    for (const [k, way] of ways.entries()) {
      const [first] = way(given);
      if (first) return this.guards[k][first - 1];
    }
    return null;
  }
}
