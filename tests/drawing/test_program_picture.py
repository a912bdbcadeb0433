"""The picture of a program: it says what the program does, what goes through memory, and fits on a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from microgradnet import MLP, Value, compile, half_squared_error
from microgradnet.compiling.ir.routine import Routine
from microgradnet.drawing.program import program_picture
from tests.drawing.test_drawing import edges, nodes, shown, svg
from tests.support.examples import every
from tests.support.graphs import loop, runge_kutta, spring


def net(samples: int) -> Value:
    made = MLP(4, [16, 16, 1], 'tanh', seed=1)
    rows = [[0.1 * k * i for i in range(4)] for k in range(samples)]
    error: Value = half_squared_error([made(row) for row in rows], [[0.5]] * samples)
    return error


def program(y: Any, **options: Any) -> Any:
    return compile(y, backend='python', **options)


PROGRAMS: dict[str, Callable[[], Any]] = {
    'spring': lambda: program(spring(500)),
    'runge_kutta': lambda: program(runge_kutta(300)),
    'memory': lambda: program(loop(2000), memory=200),
    'net': lambda: program(net(30)),
    'straight': lambda: program(net(1), loops=False),
    'two outputs': lambda: program([spring(500), loop(700)]),
    'small': lambda: program((Value(1.0, 'x') * Value(2.0, 'w')).tanh()),
}


@pytest.mark.parametrize('name', every(3, PROGRAMS))
def test_a_program_of_any_size_fits_on_a_page(name: str) -> None:
    root = svg(PROGRAMS[name]().draw())
    *_, width, height = map(float, (root.get('viewBox') or '').split())
    assert width * 4 / 3 <= 1600 and height * 4 / 3 <= 960
    sizes = [float(text.get('font-size') or 0) for text in root.iter('{http://www.w3.org/2000/svg}text')]
    assert min(sizes) * 4 / 3 * min(1.0, 1280 / (width * 4 / 3)) >= 9


def test_both_sweeps_and_the_memory_between_them() -> None:
    made = program(spring(500))
    picture = made.draw()
    found = nodes(picture)
    assert {*found} == {'forward', 'back', 'kept'}
    assert shown(found['kept']['label']) == f'kept {made.memory} numbers kept for the way back'
    assert 'outputs[0] = ' in shown(found['forward']['label']) and 'outputs[1] += ' in shown(found['back']['label'])
    assert '× 499, i1 = 0, 1 …' in shown(found['forward']['label'])
    assert '× 499, i1 = 498, 497 …' in shown(found['back']['label'])


def test_a_small_program_is_all_of_its_printed_form() -> None:
    made = program(spring(500))
    words = [shown(nodes(made.draw())[name]['label']) for name in ('forward', 'back')]
    printed = made._gradient.engine.source.splitlines()
    for line in (line.strip() for line in printed[3:-1] if not line.lstrip().startswith('for ')):
        assert any(' '.join(line.split()) in text for text in words), line


@pytest.mark.parametrize('name', every(2, PROGRAMS))
def test_what_goes_to_memory_and_comes_from_it_is_counted(name: str) -> None:
    """Against a run of the printed program, in which reads and writes of each memory are counted."""
    routine: Routine = PROGRAMS[name]()._gradient_routine if name != 'two outputs' else PROGRAMS[name]().routine
    told: dict[tuple[str, bool], int] = {}
    for tail, head, look in edges(program_picture(routine)):
        memory = tail if tail in routine.sizes else head
        written = (head == memory) == (look.get('dir') != 'back')
        told[memory, written] = told.get((memory, written), 0) + int(shown(look['label']))
    assert told == counted(routine)


def counted(routine: Routine) -> dict[tuple[str, bool], int]:
    """Walk through every turn."""
    found: dict[tuple[str, bool], int] = {}

    def walk(block: list[Any]) -> None:
        for item in block:
            if not isinstance(item, int):
                for _ in range(item.count):
                    for inner in item.blocks:
                        walk(inner)
                continue
            name, operands = routine.instructions[item]
            if name in ('store', 'add_to', 'load') and operands[0] in routine.sizes:
                key = str(operands[0]), name != 'load'
                found[key] = found.get(key, 0) + 1

    for block in routine.blocks:
        walk(block)
    return found


def test_straight_code_is_one_column_with_its_names() -> None:
    y = (Value(1.0, 'x') * Value(2.0, 'w')).tanh()
    [(name, look)] = nodes(program(y).draw()).items()
    assert name == 'forward' and 'v1 = x * w' in shown(look['label'])


def test_of_several_outputs_only_the_forward_sweep_is_drawn() -> None:
    assert 'back' not in nodes(program([spring(500), loop(700)]).draw())
