// The console of the page: what is typed or run goes to Python's thread, what that says is shown.
const box = document.querySelector('.console'), log = box.querySelector('.log'), typed = box.querySelector('textarea');
const state = box.querySelector('.state'), prompt = box.querySelector('.prompt');
const programs = [...document.querySelectorAll('.program')];
const LONGEST = 100_000, history = [];
let worker, busy = false, queue = [], place = 0, draft = '', done = new Set();

function say(text) { state.textContent = text; }

function start() {
  if (worker) return;
  if (location.protocol === 'file:') {
    say('A browser starts Python only from a server: python -m http.server, in the folder of this site, is one.');
    return;
  }
  busy = true;
  say('Python starts ...');
  worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => hear[data.kind](data.text);
  worker.onerror = event => hear.broken(event.message ?? 'a part of it could not be loaded');
}

function restart() {
  worker?.terminate();
  worker = undefined;
  [busy, queue, done] = [false, [], new Set()];
  log.replaceChildren();
  start();
}

function send(text) {
  queue.push(text);
  start();
  next();
}

function next() {
  if (!worker || busy || !queue.length) return;
  busy = true;
  say('Python computes ... Restart stops it.');
  worker.postMessage(queue.shift());
}

function idle() {
  busy = false;
  say('Ready.');
  next();
}

function shown(element) {
  log.append(element);
  log.scrollTop = log.scrollHeight;
}

function words(kind, text) {
  const last = log.lastElementChild;
  if (kind !== 'in' && last?.matches(`pre.${kind}`)) {
    last.textContent = (last.textContent + text).slice(-LONGEST);
    log.scrollTop = log.scrollHeight;
    return;
  }
  const pre = document.createElement('pre');
  pre.className = kind;
  pre.textContent = text;
  shown(pre);
}

const hear = {
  ready: idle,
  broken(text) { say(`Python did not start: ${text}`); },
  in(text) { words('in', text.replace(/\n+$/, '').split('\n').map((line, i) => (i ? '... ' : '>>> ') + line).join('\n')); },
  out(text) { words('out', text); },
  err(text) { words('err', text); },
  svg(text) {
    const picture = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
    const figure = document.createElement('figure');
    // As an image it runs no script, and follows a dark page by itself.
    const image = document.createElement('img');
    image.alt = [...picture.querySelectorAll('text')].map(t => t.textContent).join(' ').slice(0, 500) || 'a picture';
    image.src = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
    figure.append(image);
    image.onload = () => { log.scrollTop = log.scrollHeight; };
    shown(figure);
  },
  html(text) {
    const frame = document.createElement('iframe');
    const chosen = document.body.dataset.theme, system = matchMedia('(prefers-color-scheme: dark)').matches;
    frame.style.colorScheme = chosen === 'dark' || (chosen !== 'light' && system) ? 'dark' : 'light';
    const style = '<style>:root { color-scheme: light dark; font-family: sans-serif }</style>';
    Object.assign(frame, { title: 'What Python made', srcdoc: style + text });
    frame.setAttribute('sandbox', 'allow-scripts');
    shown(frame);
  },
  done() { idle(); },
  more(text) {
    if (queue.length) queue[0] = `${text}\n${queue[0]}`;  // typed ahead
    else {
      typed.value = `${text}\n${typed.value}`;
      prompt.textContent = '...';
      fit();
    }
    idle();
  },
};

function fit() {
  typed.rows = Math.min(12, typed.value.split('\n').length);
}

function enter() {
  const text = typed.value;
  if (!text.trim() && !busy) return;
  if (text.trim() && history.at(-1) !== text.trimEnd()) history.push(text.trimEnd());
  place = history.length;
  typed.value = '';
  prompt.textContent = '>>>';
  fit();
  send(text);
}

function recall(step) {
  if (place === history.length) draft = typed.value;
  place = Math.max(0, Math.min(history.length, place + step));
  typed.value = history[place] ?? draft;
  fit();
}

typed.addEventListener('keydown', event => {
  const { value, selectionStart: at } = typed;
  if (event.isComposing) return;
  if (event.key === 'Enter' && !event.shiftKey) {
    event.preventDefault();
    if (value.endsWith('\n') || at === value.length) enter();
    else typed.setRangeText('\n', at, typed.selectionEnd, 'end');
  } else if (event.key === 'ArrowUp' && !value.slice(0, at).includes('\n')) {
    event.preventDefault();
    recall(-1);
  } else if (event.key === 'ArrowDown' && !value.slice(at).includes('\n')) {
    event.preventDefault();
    recall(1);
  }
});
typed.addEventListener('input', fit);
typed.addEventListener('focus', start);
box.querySelector('.enter').addEventListener('click', () => { enter(); typed.focus(); });
box.querySelector('.restart').addEventListener('click', restart);

// The programs build on each other: those above are run first, once.
programs.forEach((program, number) => program.querySelector('.run').addEventListener('click', () => {
  for (let i = 0; i <= number; i++) {
    if (i === number || !done.has(i)) send(programs[i].querySelector('pre').textContent);
    done.add(i);
  }
  box.scrollIntoView({ block: 'nearest' });
}));
