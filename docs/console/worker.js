// Python, in a thread of its own: the page stays alive while it computes. Everything is beside this file.
import { loadPyodide } from './pyodide.mjs';

let graphviz;
const loaded = async () => { graphviz ??= await (await import('./viz.js')).instance(); };
const tell = (kind, text = '') => postMessage({ kind, text });

async function start() {
  const python = await loadPyodide({ indexURL: new URL('.', import.meta.url).href, checkAPIVersion: false });
  const extractDir = python.runPython('import site; site.getsitepackages()[0]');
  for (const wheel of (await (await fetch(new URL('wheels.txt', import.meta.url))).text()).split('\n')) {
    python.unpackArchive(await (await fetch(new URL(wheel, import.meta.url))).arrayBuffer(), 'wheel', { extractDir });
  }
  const code = await (await fetch(new URL('console.py', import.meta.url))).text();
  python.FS.writeFile('/home/pyodide/_console.py', code);
  const draw = (source, format, engine) => graphviz.renderString(source, { format, engine });
  const make = python.runPython(`
def make(load, draw, tell):
    import sys
    sys.path.insert(0, '/home/pyodide')
    from pyodide.ffi import can_run_sync, run_sync
    import _console
    def drawn(source, format, engine):
        run_sync(load())
        return draw(source, format, engine)
    # Graphviz is fetched when the first picture is drawn, where a browser lets Python wait; else before Python starts.
    sys.modules['pygraphviz'] = _console.pygraphviz(drawn if can_run_sync() else draw)
    return _console.Console(tell), can_run_sync()
make`);
  const [console, waits] = await make.callPromising(loaded, draw, tell);
  if (!waits) await loaded();
  return text => console.enter.callPromising(text);
}

const started = start();
started.then(() => tell('ready'), error => tell('broken', String(error)));
onmessage = async ({ data }) => {
  const enter = await started;
  tell(await enter(data) ? 'done' : 'more', data);
};
