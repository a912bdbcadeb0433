"""What the numbers of a net are called: its inputs, its outputs, the classes that it tells apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ..engine.checks import items, texts

__all__ = ['Named', 'agree', 'class_number', 'classes_for', 'names_for', 'output_names']


class Named(Protocol):
    """A net, or a set that it learns from."""

    @property
    def input_names(self) -> tuple[str, ...] | None: ...
    @property
    def target_names(self) -> tuple[str, ...] | None: ...
    @property
    def classes(self) -> tuple[Any, ...] | None: ...


def names_for(names: Iterable[Any] | None, wanted: int | None, what: str) -> tuple[str, ...] | None:
    """Return names as a tuple of strings; raise ValueError unless there are as many as wanted, if that is known.

    >>> names_for(['a', 'b'], 2, 'input')
    ('a', 'b')
    >>> names_for(['a', 'b'], 3, 'input')
    Traceback (most recent call last):
        ...
    ValueError: 2 input names for 3 inputs
    """
    result = None if names is None else (*texts(f'{what}_names', names),)
    if result is not None and wanted is not None and len(result) != wanted:
        raise ValueError(f'{len(result)} {what} names for {wanted} {what}{"s" * (wanted > 1)}')
    return result


def classes_for(classes: Iterable[Any] | None, outputs: int) -> tuple[Any, ...] | None:
    """Return the classes of a net as a tuple; raise ValueError unless it has an output for each, or a lone output."""
    result = None if classes is None else (*items('classes', classes, 'a list of names'),)
    if result is not None and (not result or len({*result}) < len(result)):
        raise ValueError(f'classes must be names of which none is there twice, not {result}')
    if result is not None and outputs not in (1, len(result)):
        raise ValueError(f'{len(result)} classes for {outputs} outputs; a net has an output for each, or one for all')
    return result


def agree(one: Named, its: str, other: Named, others: str) -> None:
    """Raise ValueError if a net and a set, or two sets, call inputs or classes by different names.

    Class 1 of one would be another class than class 1 of the other. What has no names agrees with all.
    """
    for what, here, there in (
        ('inputs', one.input_names, other.input_names), ('classes', one.classes, other.classes)
    ):  # fmt: skip
        if here is not None and there is not None and here != there:
            raise ValueError(f'the {what} of {its} are {here}, those of {others} {there}; order matters, too')


def class_number(output: Any, classes: int) -> int:
    """Return the number of the class that an output tells: that of the largest, or the nearest to a lone one.

    As ``accuracy`` counts; of equal ones it is the first. Raises ValueError for a nan.

    >>> class_number([0.5, 2.0, -1.0], 3), class_number(0.7, 2)
    (1, 1)
    """
    numbers = output if isinstance(output, Sequence) else [output]
    if any(y != y for y in numbers):
        raise ValueError(f'a net that answers {output!r} tells no class')
    if len(numbers) == 1:
        return min(range(classes), key=lambda k: abs(numbers[0] - k))
    return max(range(len(numbers)), key=numbers.__getitem__)


def output_names(net: Named, outputs: int) -> list[str | None]:
    """Say what each output of a net is called: by its class, by its target, or by its number; a lone one by no number.

    >>> from microgradnet.nets.net import MLP
    >>> output_names(MLP(1, [2]), 2), output_names(MLP(1, [1]), 1)
    (['y1', 'y2'], [None])
    """
    for names in (net.classes, net.target_names):
        if names is not None and len(names) == outputs:
            return [*map(str, names)]
    return [None] if outputs == 1 else [f'y{k}' for k in range(1, outputs + 1)]
