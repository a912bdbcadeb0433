// In a notebook: who framed the page hands over a port; by it weights come from Python, and go there as they change here.
const notebook = {
  port: null, told: '', heard: 0,

  start() {
    addEventListener('message', event => {
      if (event.source !== parent || parent === window || !event.ports[0]) return;
      [this.port] = event.ports;
      this.port.onmessage = ({ data }) => this.hear(data);
      this.hear(event.data);
    });
  },

  weights() { return state.theta.map((w, k) => parameters[k] < 0 ? null : kept(w)); },

  // Where they are refused the page keeps its own, and says why: it does not send them back.
  hear({ weights, turn }) {
    this.heard = turn;
    const theta = state.theta.map((w, k) => parameters[k] < 0 ? w : taken(weights[k], graph.exact));
    const same = other => other.every((w, k) => parameters[k] < 0 || is_eq(w, theta[k]));
    if (!same(state.theta)) change(() => {
      const point = history.find(point => same(point.theta));
      state.updates = point?.updates ?? Math.max(state.updates, ...history.map(({ updates }) => updates)) + 1;
      state.theta = theta;
    }, 'notebook');
    this.told = JSON.stringify(this.weights());
  },

  update() {
    if (!this.port) return;
    const weights = this.weights(), text = JSON.stringify(weights);
    if (text !== this.told) this.port.postMessage({ weights, heard: this.heard });
    this.told = text;
  },
};
