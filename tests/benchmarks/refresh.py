"""How long the page of ``play`` takes to follow a drag, in Chromium, and how large it is.

``python tests/benchmarks/refresh.py [--quick] [--json FILE]`` moves weights of a net of 2-3-1 and of 2-8-8-1, with a
map of 40 x 40 points, by its arrow keys: so many refreshes as there are frames, each with the forward and backward runs
of all samples, the map, the curve of E, and every number of the picture. ``script`` is what the page says of itself, by
the clock, the median and what a tenth of them exceed; ``all`` is the processor's time of the page's thread for each,
with style, layout and paint, by Chromium's own count. Goals: 16 ms a refresh of 2-8-8-1; pages of 130 kB and 450 kB.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from engine import processor  # noqa: E402
from microgradnet import MLP, TeacherSet, play  # noqa: E402
from tests.support.browsers import opened  # noqa: E402

__all__ = ['main']

#: The sizes of the nets, and how many kB their pages may have.
NETS = {'2-3-1': 130, '2-8-8-1': 450}
#: What a refresh may take, in ms: a frame of a screen that shows 60 a second.
FRAME = 16
COUNTS = ('TaskDuration', 'ScriptDuration', 'RecalcStyleDuration', 'LayoutDuration')
MOVE = """async count => {
  const took = [], frame = () => new Promise(done => requestAnimationFrame(done));
  const handles = [...document.querySelectorAll('#picture .connection.handle')];
  for (let k = 0; k < count; k++) {
    const handle = handles[Math.floor(k / 10) % handles.length];
    if (k % 10 === 0) handle.focus();
    handle.dispatchEvent(new KeyboardEvent('keydown', { key: k % 10 < 5 ? 'ArrowUp' : 'ArrowDown', bubbles: true }));
    await frame();  // asked for after the page asked for it
    took.push(Number(document.body.dataset.drawn));
  }
  return took;
}"""


def page_of(sizes: str) -> Any:
    inputs, *layers = map(int, sizes.split('-'))
    net = MLP(inputs, layers, activation='tanh', output_activation='sigmoid', seed=3)
    return play(net, TeacherSet([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]))


def measured(browser: Any, page: Path, count: int) -> dict[str, float]:
    """Return milliseconds a refresh, by kind, on a screen of 1280 x 800."""
    tab = browser.new_page(viewport={'width': 1280, 'height': 800})
    tab.goto(page.as_uri())
    client = tab.context.new_cdp_session(tab)
    client.send('Performance.enable', {'timeDomain': 'threadTicks'})

    def now() -> dict[str, float]:
        return {each['name']: each['value'] for each in client.send('Performance.getMetrics')['metrics']}

    tab.evaluate(MOVE, 20)  # until it is compiled
    before = now()
    took = tab.evaluate(MOVE, count)
    after = now()
    tab.close()
    parts = {name: 1000 * (after[name] - before[name]) / count for name in COUNTS}
    longest = sorted(took)[-max(1, count // 10)]
    return {'script': statistics.median(took), 'script, a tenth': longest, **parts}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--quick', action='store_true', help='thirty refreshes instead of three hundred')
    options.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    given = options.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, opened() as browser:
        print(f'{processor()}, Chromium {browser.version}')
        print(f'{"":8} {"kB":>6} {"script":>8} {"a tenth":>8} {"all":>8} {"style":>8} {"layout":>8}   (ms a refresh)')
        for sizes, most in NETS.items():
            page = page_of(sizes)
            file = page.save(Path(folder) / f'{sizes}.html')
            took = measured(browser, file, 30 if given.quick else 300)
            size = len(page.html.encode()) / 1000
            figures[sizes] = took | {'kB': size}
            row = [took['script'], took['script, a tenth'], *(took[f'{name}Duration'] for name in
                   ('Task', 'RecalcStyle', 'Layout'))]  # fmt: skip
            goal = '' if size < most and took['TaskDuration'] < FRAME else f'   goals: {most} kB, {FRAME} ms'
            print(f'{sizes:8} {size:6.1f} ' + ' '.join(f'{number:8.2f}' for number in row) + goal)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding='utf-8')


if __name__ == '__main__':
    main()
