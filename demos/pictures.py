"""Make the README's pictures anew, in docs/pictures, and with ``--gallery`` those of docs/gallery.md.

    python -m demos.pictures [--out FOLDER] [--epochs N] [--gallery]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from demos import bounce, digits, iris, nile, options, orbit, schools, two_moons, why_order, xor
from microgradnet import MLP, Value, compile, draw, draw_error_signal, draw_network
from microgradnet.formulas.colours import DERIVATIVE, INK, INPUT, SIGNAL, Colour


def main(argv: Sequence[str] | None = None) -> list[Path]:
    """Make the pictures, with the arguments of the command line if none are given."""
    parser = argparse.ArgumentParser(description="Make the README's pictures anew.")
    folder = Path('docs/pictures')
    parser.add_argument('--out', type=Path, default=folder, help='folder for the pictures (%(default)s)')
    parser.add_argument('--epochs', type=int, help='times through the teacher sets (as each demo does)')
    parser.add_argument('--gallery', action='store_true', help='run the other demos for theirs, too (some minutes)')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)

    epochs = [] if arguments.epochs is None else ['--epochs', str(arguments.epochs)]
    with TemporaryDirectory() as drafts:
        trained = iris.main(['--out', drafts, *epochs]).net
        [boundary] = two_moons.main(['--out', drafts, *epochs]).pictures
        picture_of_moons = boundary.read_bytes()

    paths = [arguments.out / 'two_moons.png']
    paths[0].write_bytes(picture_of_moons)
    drawn = {
        'expression': expression(),
        'loop': loop(),
        'program': compile(spring(), backend='python').draw(),
        'three_layers': draw_network(three_layers()),
        'iris': iris.network_picture(trained, iris.iris()),
    }
    for name, picture in drawn.items():
        paths.append(arguments.out / f'{name}.svg')
        picture.render(outfile=paths[-1], cleanup=True)
    paths.append(draw_error_signal(three_layers(), [1.0, 0.5], [1.0]).save(arguments.out / 'error_signal.svg'))
    paths.append(arguments.out / 'logo.svg')
    paths[-1].write_text(logo(), 'utf-8')
    if arguments.gallery:
        paths += gallery(arguments.out)
    print('\nThe pictures:')
    for path in paths:
        print(f'  {path}  {path.stat().st_size / 1000:.1f} kB')
    return paths


#: Of each demo, what is in the gallery, and what it is called there.
GALLERY: dict[Any, dict[str, str]] = {
    orbit: {'orbit.png': 'orbit.png'},
    bounce: {'bounce.png': 'bounce.png'},
    nile: {'nile.png': 'nile.png'},
    options: {'options.png': 'options.png'},
    schools: {'schools.png': 'schools.png'},  # needs nutpie, of the extra sampling
    digits: {'neurons.png': 'digits_neurons.png', 'mistakes.png': 'digits_mistakes.png'},
    xor: {'errors.png': 'xor.png'},
    why_order: {'recursion.svg': 'why_order.svg'},
}


def gallery(folder: Path) -> list[Path]:
    """Run the demos, and keep their pictures, in 256 colours."""
    paths = []
    for demo, names in GALLERY.items():
        with TemporaryDirectory() as drafts:
            demo.main(['--out', drafts])
            for name, kept in names.items():
                paths.append(folder / kept)
                if name.endswith('.png'):
                    Image.open(Path(drafts) / name).convert('RGB').quantize(256).save(paths[-1], optimize=True)
                else:
                    paths[-1].write_bytes((Path(drafts) / name).read_bytes())
    return paths


def expression() -> Any:
    """Draw y = tanh(a b + c), with its gradients."""
    a, b, c = Value(2.0, label='a'), Value(-3.0, label='b'), Value(5.5, label='c')
    y = (a * b + c).tanh()
    y.label = 'y'
    y.backward()
    return draw(y)


def loop() -> Any:
    """Draw h = tanh(w h + b), a thousand times over, folded: through it the error signal vanishes."""
    w, b, h = Value(0.9, label='w'), Value(0.1, label='b'), Value(0.5, label='h')
    y = h
    for _ in range(1000):
        y = (w * y + b).tanh()
    y.backward()
    return draw(y)


def spring() -> Value:
    """Record the spring of docs/how-to/compile.md."""
    x, y, k = Value(1.0, label='x'), Value(0.0, label='y'), Value(0.3, label='k')
    for _ in range(1000):
        x, y = x + 0.01 * y, y - 0.01 * k * x
    return x * x + y * y


def three_layers() -> MLP:
    """Return the derivation's net of three layers, as the README has it."""
    return MLP(2, [2, 2, 1], activation='sigmoid', output_activation='sigmoid', seed=5)


#: The logo: a nabla that is a net. Two inputs, the derivative between them, a neuron and its error signal.
SIDES = [('sides', INK, 'M13 14 32 51M51 14 32 51'), ('top', DERIVATIVE, 'M13 14H51')]
NODES = [('input', INPUT, 12, 14, 8), ('input', INPUT, 52, 14, 8), ('signal', SIGNAL, 32, 51, 10)]


def logo() -> str:
    """Write the logo, in the palette, on a light page and on a dark one."""
    lines = [f'<path class="{name}" d="{path}"/>' for name, _, path in SIDES]
    circles = [f'<circle class="{name}" cx="{x}" cy="{y}" r="{r}"/>' for name, _, x, y, r in NODES]

    def rules(value: Callable[[Colour], str]) -> str:
        paints = {name: ('stroke', colour) for name, colour, _ in SIDES}
        paints |= {name: ('fill', colour) for name, colour, *_ in NODES}
        return ' '.join(f'.{name} {{ {what}: {value(colour)} }}' for name, (what, colour) in paints.items())

    style = f'path {{ fill: none; stroke-width: 5; stroke-linecap: round }} {rules(str)}'
    dark = f'@media (prefers-color-scheme: dark) {{ {rules(lambda colour: colour.dark)} }}'
    return '\n'.join([
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">',
        '<title>microgradnet</title>', f'<style>{style} {dark}</style>', *lines, *circles, '</svg>\n',
    ])  # fmt: skip


if __name__ == '__main__':
    main()
