// The page in its frame, as a widget: hands it a port, and passes weights on between page and model, both ways.
export default {
  render({ model, el }) {
    let port = null, own = false, turn = 0;
    el.innerHTML = model.get('frame');
    const frame = el.firstElementChild;
    const told = () => ({ weights: model.get('weights'), turn: ++turn });
    const pass = () => { if (!own) port?.postMessage(told()); };
    // Notebooks that move a frame load it anew.
    frame.addEventListener('load', () => {
      const channel = new MessageChannel();
      port?.close();
      port = channel.port1;
      port.onmessage = ({ data }) => {
        if (data.heard !== turn) return;  // the page will hear of others, which are on their way
        own = true;
        model.set('weights', data.weights);
        own = false;
        model.save_changes();
      };
      frame.contentWindow.postMessage(told(), '*', [channel.port2]);
    });
    model.on('change:weights', pass);
    return () => { model.off('change:weights', pass); port?.close(); };
  },
};
