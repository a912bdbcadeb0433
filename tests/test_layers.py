"""The house: imports point only to a lower layer, and importing the package stays light."""

import ast
import subprocess
import sys
import types
from pathlib import Path

import pytest

import microgradnet

PACKAGE = Path(microgradnet.__file__).parent

#: Every module by layer; a module may import at run time only what stands in a lower row,
#: or further left in its own.
LAYERS = [
    ['extras', 'later', 'processes', 'escapes', 'ropes', 'ieee', 'kernels', 'rules', 'writing', 'rows', 'operations'],
    ['graph'],
    ['reals', 'checks', 'signatures', 'arithmetic', 'operators', 'events', 'value', 'recorders', 'copying', 'origins'],
    ['arrays', 'incoming', 'functions', 'custom_operations', 'files', 'tables'],
    ['folding', 'adjoints', 'tangents', 'structures', 'linear', 'recorded', 'differentiate', 'sparse'],
    ['compiling.instructions', 'compiling.lowering', 'compiling.repetition', 'compiling.tape', 'compiling.nests'],
    ['compiling.routine', 'compiling.memory', 'compiling.bodies', 'compiling.forwards', 'compiling.backwards'],
    ['compiling.sweeps'],
    ['compiling.guards', 'compiling.readings', 'compiling.row_data'],
    ['compiling.expressions', 'compiling.looping'],
    ['compiling.python_printer', 'compiling.numpy_printer', 'compiling.c_printer'],
    ['compiling.polynomials', 'compiling.llvm_terms'],
    ['compiling.vector_math', 'compiling.native_printer', 'compiling.native_driver', 'compiling.code_cache'],
    ['compiling.native_machine'],
    ['compiling.jamming', 'compiling.native_loops'],
    ['compiling.native_engine', 'compiling.engines', 'compiling.results', 'compiling.runner'],
    ['compiling.mapped', 'compiling.carriers', 'compiling.shards'],
    ['compiling.program', 'compiling.function', 'compiling'],
    ['printing', 'losses', 'activations', 'parameters', 'runs', 'names', 'nn'],
    ['csv_table', 'samples', 'teacher_set', 'large_set', 'history', 'optimisers', 'measuring'],
    ['recorded_error', 'compiled_error', 'packing', 'known', 'checkpoint', 'passes', 'training', 'saving'],
    ['drawing.digraph', 'drawing.names', 'drawing.terminal', 'drawing.strip', 'drawing.diagram', 'drawing.graph'],
    ['drawing.layout', 'drawing.network'],
    ['drawing.messages', 'drawing.animation', 'drawing.captions', 'drawing.scenes', 'drawing.signals'],
    ['drawing.formulas', 'drawing.script', 'drawing.svg', 'drawing.player', 'drawing'],
    ['derivation.terms', 'derivation.algebra', 'derivation.names', 'derivation.untouched', 'derivation.kept'],
    ['derivation.printer', 'derivation.text', 'derivation.tex', 'derivation.mathml', 'derivation.prose'],
    ['derivation.lines', 'derivation.refusals', 'derivation.nodes', 'derivation.parts', 'derivation.steps'],
    ['derivation.net', 'derivation.paths', 'derivation.signals', 'derivation'],
    ['dead', 'diagnose'],
    ['testing.places', 'testing.calculus', 'testing.differences', 'testing.expression', 'testing.oracles'],
    ['testing.strategies', 'testing.kinks', 'testing.recorded', 'testing.rows', 'testing.blame', 'testing.gradients'],
    ['testing.straight', 'testing.walks', 'testing.edges', 'testing.reasons', 'testing.findings', 'testing.engines'],
    ['testing.order_picture', 'testing.order', 'testing'],
    ['command_line.grammar', 'command_line.parsing', 'command_line.output', 'command_line.runs', 'command_line.report'],
    ['command_line.train', 'command_line.predict', 'command_line.draw', 'command_line.derive', 'command_line'],
    ['__main__'],
    ['__init__'],
]
ORDER = {name: (layer, place) for layer, names in enumerate(LAYERS) for place, name in enumerate(names)}
#: Imports inside functions, made when a thing is first needed, that point upwards on purpose:
#: a node asked by copy, pickle or NumPy hands over to the module that answers.
LATE = {('value', 'copying'), ('value', 'arrays'), ('rows', 'operations'), ('arrays', 'functions')}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(parts[:-1]) if len(parts) > 1 and parts[-1] == '__init__' else '.'.join(parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob('*.py')}


def imports(name: str) -> set[tuple[str, bool]]:
    """The modules of the package that a module imports, and whether at its top."""
    tree = ast.parse(MODULES[name].read_text())
    top = {id(node) for node in tree.body}
    top |= {id(n) for node in tree.body if isinstance(node, ast.Try) for n in ast.walk(node)}
    checking = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in checking and node.level:
            is_package = MODULES[name].name == '__init__.py' and name != '__init__'
            base = name.split('.') if is_package else name.split('.')[:-1]
            base = base[: len(base) - node.level + 1] + (node.module or '').split('.')
            for alias in node.names:
                for parts in ([*base, alias.name], base):
                    target = '.'.join(part for part in parts if part)
                    if target in MODULES:
                        found.add((target, id(node) in top))
                        break
    return found


def test_every_module_has_its_place() -> None:
    assert set(MODULES) == set(ORDER)


@pytest.mark.parametrize('name', sorted(MODULES))
def test_imports_point_down(name: str) -> None:
    for target, at_top in imports(name):
        if at_top or (name, target) not in LATE:
            assert ORDER[target] < ORDER[name], f'{name} imports {target}'


def test_the_test_sees_imports() -> None:
    assert ('value', True) in imports('nn')
    assert ('copying', False) in imports('value')


@pytest.mark.parametrize('name', sorted(microgradnet._LATER))
def test_no_name_imported_late_is_a_modules(name: str) -> None:
    """Importing a module sets its name in the package, and would hide what is imported on first use."""
    thing = getattr(microgradnet, name)
    assert name not in MODULES or isinstance(thing, types.ModuleType)


@pytest.mark.parametrize(
    'heavy',
    ['numpy', 'scipy', 'networkx', 'mpmath', 'matplotlib', 'graphviz', 'pygraphviz', 'tqdm', 'hypothesis', 'llvmlite',
     'sklearn', 'pytest'],
)
def test_import_is_light(heavy: str) -> None:
    code = f'import sys, microgradnet; sys.exit({heavy!r} in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], cwd=PACKAGE.parent).returncode == 0
