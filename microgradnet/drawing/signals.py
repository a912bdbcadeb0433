"""The error signal's way through a net, as the derivation's last pictures show it: y to f5, f5 to f3 and f4 ...

Every picture shows one sender: the arrows of its messages with their contributions,
what has arrived at each neuron so far (Σ, in a dashed circle), or its whole error
signal (δ), and below the formula with its numbers. In the derivation's colours the
error signal is red, g'(r) green.

``draw_error_signal``  makes the pictures
``ErrorSignal``        holds them, and writes all of them as one animated SVG or GIF
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..checks import file_path, spec, within
from ..files import FilePath, write_whole
from ..losses import error_by_name, half_squared_error
from .animation import Part, animated_gif, animated_svg
from .captions import Caption
from .digraph import FAINT, Digraph, plain, shown, shown_as_svg
from .layout import Layout, check_names, new_picture
from .messages import Film, Frame, messages
from .names import layers_of
from .scenes import Scenes
from .terminal import tree

__all__ = ['ErrorSignal', 'draw_error_signal']

LEGEND = (
    f"<<font color=\"{FAINT}\">δ error signal &#160;&#160; Σ its sum so far, with more to come &#160;&#160; "
    '<i>g</i>′ derivative of the activation function</font>>'
)


class ErrorSignal:
    """The pictures of one backward through a net, in the derivation's order.

    ``frames`` are the pictures, ``titles`` says what is in each; ``film`` holds the
    messages, all their numbers and the run. In a notebook it shows itself, moving.
    """

    def __init__(self, film: Film, layout: Layout, titles: list[str], parts: list[Part]) -> None:
        self.film, self.titles, self._layout, self._parts = film, titles, layout, parts
        self.frames = [_frame(layout, parts, k, title) for k, title in enumerate(titles)]
        for frame in self.frames:
            frame.words = self._words

    @property
    def left_out(self) -> int:
        """How many inputs and neurons the pictures do not show."""
        return self.frames[0].left_out

    def animation(self, seconds: float = 2.5) -> str:
        """Return all pictures as one SVG that moves, each for so many seconds and the last for twice as long.

        It has no script. It stops while the pointer is on it, and shows the last
        picture where less motion is asked for or nothing moves, as in print.
        """
        ground = new_picture(self._layout, label=LEGEND, tooltip=' ')
        ground.words = self._words
        return animated_svg(self._parts, self.titles, ground, _positive(seconds))

    def save(self, path: FilePath, seconds: float = 2.5) -> Path:
        """Write the moving picture, as SVG or GIF by the path's suffix, and return its path.

        Raises ValueError for another suffix; a GIF needs Pillow, and ImportError says so.
        """
        file = Path(file_path('path', path))
        if file.suffix.lower() == '.svg':
            write_whole(file, self.animation(seconds))
        elif file.suffix.lower() == '.gif':
            write_whole(file, animated_gif(self.frames, _positive(seconds)))
        else:
            raise ValueError(
                f'the error signal is saved as .svg or .gif, not as {file.name!r}; '
                'frames[i].render(outfile=...) writes one picture, also as PNG or PDF'
            )
        return file

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return shown(lambda: {'image/svg+xml': self.animation()})

    def _repr_svg_(self) -> str | None:
        return shown_as_svg(self.animation)

    def _words(self) -> str:
        """Print the graph of the error, with the error signals that were sent."""
        film = self.film
        sent = {film.error: type(film.error.data)(1)} | {event.source: event.total for event in film.events}
        return tree(film.error, labels=film.labels, signals=sent)

    def __repr__(self) -> str:
        titles = [*self.titles[:3], '...'] if len(self.titles) > 4 else self.titles
        return f'<ErrorSignal in {len(self.frames)} pictures: {"; ".join(titles)}>'


def draw_error_signal(
    net: Any,
    x: Iterable[Any],
    t: Any,
    error: str | Callable[[Any, Any], Any] = half_squared_error,
    *,
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    limit: int = 16,
    number_format: str = '.3g',
) -> ErrorSignal:
    """Draw how the error of a net on one sample, inputs ``x`` and targets ``t``, travels back to the inputs.

    One real backward is drawn, of ``error(outputs, t)``; the net is left as it was. Of a large
    net as much is drawn as ``draw_network`` would; what neurons that are not drawn
    send is counted in the sums, and shown in one picture a layer. Raises TypeError for
    what is no net, ValueError for a row or names that do not match it.

    >>> from microgradnet.nn import MLP
    >>> signal = draw_error_signal(MLP(2, [2, 2, 1], activation='tanh', seed=1), [0.5, -1.0], [1.0])
    >>> signal.titles
    ['y to f5', 'f5 to f3 and f4', 'f3 to f1 and f2', 'f4 to f1 and f2', 'f1 to x1 and x2', 'f2 to x1 and x2']
    >>> signal.animation().count('<svg')
    1
    """
    layers = layers_of(net)
    input_names, output_names = check_names('draw_error_signal', layers, limit, input_names, output_names)
    error = error_by_name(error)
    spec('number_format', number_format)
    t = [*t] if isinstance(t, Iterator) else t
    film = messages(net, x, t, error)
    layout = Layout(layers, limit, lambda layout, sources, targets: 200.0 + 5.0 * max(sources, targets), 64.0, 120.0)
    layout.name_ends(input_names, output_names, 0.5 * layout.diameter)
    steps = [*_steps(film, layout)]
    targets = [*t] if isinstance(t, Iterable) else [t]
    squared = targets if error is half_squared_error else None
    captions = [Caption(film, frames, layout, squared, number_format) for frames in steps]
    parts = [*Scenes(film, layout, steps, captions, number_format).parts()]
    titles = [caption.title for caption in captions]
    return ErrorSignal(film, layout, titles, parts)


def _positive(seconds: float) -> float:
    wanted = 'more than 0 seconds and less than an hour'
    return float(within('the time a picture is shown', seconds, wanted, lambda s: 0 < s < 3600))


def _steps(film: Film, layout: Layout) -> Iterator[list[Frame]]:
    """What each picture shows: one frame of the film, or those of all neurons that an ellipsis stands for."""
    hidden: list[Frame] = []
    for frame in film.frames:
        if frame.sender[0] == 'f' and frame.sender not in layout.places:
            hidden.append(frame)
            continue
        if hidden:
            yield hidden
        hidden = []
        if frame.messages:
            yield [frame]
    if hidden:
        yield hidden


def _frame(layout: Layout, parts: list[Part], step: int, title: str) -> Digraph:
    """Make the picture of one step, once its messages have arrived."""
    picture = new_picture(layout, label=LEGEND, tooltip=plain(title))
    for part in parts:
        if part.start <= step + 0.9 < part.stop:
            part.add(picture)
    return picture
