"""How long it takes to draw a graph of very many nodes that fold, and how large its picture is.

``python tests/benchmarks/pictures.py [--nodes N] [--rounds N] [--json FILE]`` draws a loop that carries one number, a
net of 4-16-16-1 over samples, and Runge-Kutta steps of a pendulum, by turns, each of about so many nodes, after
``backward``. ``graph`` is the processor's time of ``draw``, ``picture`` that of the clock until its SVG is there,
medians over the rounds. Goals: 5 s for a million nodes; 1,600 x 900 pixels.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]

from engine import processor  # noqa: E402
from microgradnet import MLP, Value  # noqa: E402
from microgradnet.drawing import draw  # noqa: E402
from tests.support.graphs import batch, loop, runge_kutta  # noqa: E402

__all__ = ['main']

#: What a picture may take, in seconds, and how large it may be, in pixels.
SECONDS, WIDTH, HEIGHT = 5, 1600, 900
#: Pixels of a page for each point.
PIXEL = 4 / 3
VIEW = re.compile(r'viewBox="\S+ \S+ (\S+) (\S+)"')


NET = MLP(4, [16, 16, 1], 'tanh', seed=1)
#: The graphs, and about how many computed nodes one turn of each is.
GRAPHS: dict[str, tuple[Callable[[int], Value], int]] = {
    'loop': (loop, 3), 'samples': (lambda count: batch(count, NET), 66), 'Runge-Kutta': (runge_kutta, 38),
}  # fmt: skip


def drawn(graph: Callable[[int], Value], turns: int) -> dict[str, float]:
    """Record a graph, draw it, and return what that took."""
    y = graph(turns)
    y.backward()
    gc.collect()
    began, started = process_time(), perf_counter()
    picture = draw(y)
    graph_seconds = process_time() - began
    svg = picture.pipe('svg', encoding='utf-8')
    took = perf_counter() - started
    view = VIEW.search(svg)
    assert view and 'cluster' in picture.source
    width, height = (float(size) * PIXEL for size in view.groups())
    return {'graph': graph_seconds, 'picture': took, 'width': width, 'height': height}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nodes', type=int, default=1_000_000, help='how many nodes each graph has, about')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--json', type=Path)
    options = parser.parse_args(arguments)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in GRAPHS}
    for _ in range(options.rounds):
        for name, (graph, each) in GRAPHS.items():
            found[name].append(drawn(graph, max(1, options.nodes // each)))
    result: dict[str, Any] = {'processor': processor(), 'nodes': options.nodes}
    print(f'{options.nodes:,} nodes; goals: {SECONDS} s for a million, {WIDTH} x {HEIGHT}')
    for name, rounds in found.items():
        result[name] = {what: median(each[what] for each in rounds) for what in rounds[0]}
        seconds, clock, width, height = result[name].values()
        print(f'{name:12} graph {seconds:6.2f} s   picture {clock:6.2f} s   {width:5.0f} x {height:.0f} pixels')
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    main()
