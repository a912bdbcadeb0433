"""The house: each folder imports only folders below it, no circle anywhere, and importing the package stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import types
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import microgradnet
from microgradnet import _lazy, drawing, interop, science, testing
from microgradnet._lazy import homes
from tests.support.examples import for_each
from tests.support.sources import imports_of

PACKAGE = Path(microgradnet.__file__).parent
#: The folders, lowest first; what stands beside another may not import it. Modules that begin with an underscore
#: are the small things that all rooms use.
FLOORS = [
    {'_extras', '_escapes', '_processes', '_progress'},
    {'_lazy', '_files'},
    {'engine'},
    {'functions'},
    {'derivatives'},
    {'compiling', 'nets'},
    {'formulas'},
    {'training', 'drawing', 'science'},
    {'derivation', 'diagnosis', 'interop'},
    {'testing'},
    {'command_line'},
    {''},
    {'__main__'},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob('*.py')}
STUBS = {module_name(path) for path in PACKAGE.rglob('*.pyi')}


def room(module: str) -> str:
    return module.split('.')[0]


def home(thing: Any) -> str:
    return str(thing.__module__).removeprefix(f'{microgradnet.__name__}.')


@cache
def imports(name: str) -> set[str]:
    """Return the modules of the package that a module imports: at its top, in a function, or for checkers only.

    The front of a package, which has names for checkers that it imports when they are first used, has only the others.
    """
    found = set()
    is_front = MODULES[name].name == '__init__.py'
    for node, _, _, is_for_checkers in imports_of(MODULES[name]):
        if isinstance(node, ast.ImportFrom) and node.level and not (is_front and is_for_checkers):
            parts = name.split('.') if name else []
            base = parts if is_front else parts[:-1]
            base = base[: len(base) - node.level + 1] + (node.module.split('.') if node.module else [])
            for alias in node.names:
                target = next(t for t in ('.'.join([*base, alias.name]), '.'.join(base)) if t in {*MODULES, *STUBS})
                found.add(target)
    return found - {name} - STUBS


def below(name: str) -> set[str]:
    """Return all modules that a module stands on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        waiting += (new := imports(waiting.pop()) - found)
        found |= new
    return found


def test_the_map_in_contributing_is_the_tree() -> None:
    text = (PACKAGE.parent / 'CONTRIBUTING.md').read_text('utf-8')
    [lines] = re.findall(r'^microgradnet/\n((?: {2,4}\w+/.*\n)+)', text, re.MULTILINE)
    rooms, outer = set(), ''
    for depth, name in re.findall(r'^( +)(\w+)/', lines, re.MULTILINE):
        outer = outer if len(depth) > 2 else name
        rooms.add(name if len(depth) == 2 else f'{outer}/{name}')
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob('*.py')} - {'.'}
    assert rooms == folders


def test_every_module_has_its_floor() -> None:
    assert {room(name) for name in MODULES} == set(FLOOR)


@for_each('name', sorted(MODULES))
def test_imports_point_down(name: str) -> None:
    for target in imports(name):
        assert FLOOR[room(target)] < FLOOR[room(name)] or room(target) == room(name), f'{name} imports {target}'


def test_no_module_imports_itself_by_way_of_others() -> None:
    for name, under in {name: below(name) for name in MODULES}.items():
        circle = sorted(other for other in under if name in below(other)) if name in under else []
        assert not circle, f'a circle: {circle}'


@pytest.mark.parametrize('method', _lazy._above)
def test_what_does_the_work_of_a_method_stands_above_it(method: str) -> None:
    owner, name = method.split('.')
    kind = getattr(microgradnet, owner)
    assert callable(getattr(kind, name))
    above = home(_lazy.above(method))
    assert FLOOR[room(above)] > FLOOR[room(home(kind))] or home(kind) in below(above)


def test_the_test_sees_imports() -> None:
    assert 'engine.value' in imports('nets.net')
    assert 'compiling.run.native' in imports('compiling.run.backends')  # in a function
    assert 'drawing' in imports('diagnosis.nan') and 'engine.numbers' in below('diagnosis.nan')
    assert 'drawing.digraph' in imports('testing.foreign.order')  # for checkers


def late(package: types.ModuleType) -> dict[str, str]:
    """Return what a package imports for checkers, each name with the module that it is from."""
    tree = ast.parse(Path(package.__file__ or '').read_text('utf-8'))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING']
    nodes = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {name.name: '.' * node.level + f'{node.module}' for node in nodes for name in node.names}


@for_each('name', sorted(late(microgradnet)))
def test_no_name_imported_late_is_a_modules(name: str) -> None:
    """Importing a module sets its name in the package, and would hide what is imported on first use."""
    thing = getattr(microgradnet, name)
    assert name not in MODULES or isinstance(thing, types.ModuleType)


@for_each(
    'package', [microgradnet, drawing, interop, science, testing], ids=lambda package: package.__name__
)
def test_what_a_checker_finds_is_what_users_find(package: types.ModuleType) -> None:
    assert late(package).items() <= homes(package.__name__).items()
    assert late(package).keys() <= {*package.__all__} <= {*dir(package)}
    for name, home in late(package).items():
        assert getattr(package, name) is getattr(import_module(home, package.__name__), name)


@pytest.fixture(scope='module')
def imported() -> set[str]:
    """What is there in a new process that has imported the package, the package itself for one."""
    code = 'import sys, microgradnet; print(*sys.modules)'
    names = {*subprocess.check_output([sys.executable, '-c', code], cwd=PACKAGE.parent, text=True).split()}
    assert {'microgradnet', 'microgradnet.engine.value'} <= names
    return names


@pytest.mark.parametrize(
    'heavy',
    ['numpy', 'scipy', 'networkx', 'mpmath', 'matplotlib', 'graphviz', 'pygraphviz', 'tqdm', 'hypothesis', 'llvmlite',
     'sklearn', 'torch', 'jax', 'onnx', 'pytensor', 'pytest'],
)
def test_import_is_light(heavy: str, imported: set[str]) -> None:
    assert heavy not in imported
