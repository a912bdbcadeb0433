"""Where another framework is not installed, the error says which extra brings it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from microgradnet import MLP, interop
from microgradnet._extras import EXTRAS
from microgradnet.training.history import History

CALLS: dict[str, tuple[str, Callable[[], Any]]] = {
    'to_jax': ('jax', lambda: interop.to_jax(abs)),
    'to_onnx': ('onnx', lambda: interop.to_onnx(MLP(1, [1]), 'net.onnx')),
    'from_onnx': ('onnx', lambda: interop.from_onnx('net.onnx')),
    'to_pytensor': ('pytensor', lambda: interop.to_pytensor(abs)),
    'to_torch': ('torch', lambda: interop.to_torch(abs)),
    'write_tensorboard': ('tensorboard', lambda: interop.write_tensorboard(History(), 'run')),
}


def test_every_name_is_tried() -> None:
    assert {*CALLS} == {*interop.__all__} - {'write_csv'}


@pytest.mark.parametrize('name', CALLS)
def test_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, call = CALLS[name]
    monkeypatch.setitem(sys.modules, package, None)
    wanted = rf"^{name} needs \w+: pip install 'microgradnet\[{EXTRAS[package]}\]'"
    with pytest.raises(ModuleNotFoundError, match=wanted):
        call()
