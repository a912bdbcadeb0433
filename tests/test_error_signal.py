"""The error signal's pictures: the derivation's order, and the engine's numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet.drawing import draw_error_signal
from microgradnet.drawing.messages import messages
from microgradnet.losses import half_squared_error
from microgradnet.nn import MLP
from microgradnet.testing import nets


def net_2221() -> MLP:
    return MLP(2, [2, 2, 1], activation='sigmoid', output_activation='sigmoid', seed=5)


def test_the_order_is_the_derivations() -> None:
    signal = draw_error_signal(net_2221(), [1.0, 0.5], [1.0])
    assert signal.titles == [
        'y to f5', 'f5 to f3 and f4', 'f3 to f1 and f2', 'f4 to f1 and f2', 'f1 to x1 and x2', 'f2 to x1 and x2',
    ]  # fmt: skip
    assert len(signal.frames) == 6 and signal.left_out == 0


@given(st.data())
def test_the_messages_add_up_to_the_error_signals_of_the_engine(data: st.DataObject) -> None:
    net = data.draw(nets())
    x = data.draw(st.lists(st.floats(-2, 2), min_size=net.inputs, max_size=net.inputs))
    t = data.draw(st.lists(st.floats(-2, 2), min_size=net.sizes[-1], max_size=net.sizes[-1]))
    before = [p.grad for p in net.parameters()]
    film = messages(net, x, t)
    assert [p.grad for p in net.parameters()] == before
    run = net.run(x)
    half_squared_error(run.outputs, t).backward()
    deltas = {f'f{k}': f.output.grad for k, f in enumerate((f for layer in run.layers for f in layer), 1)}
    arrived: dict[str, Any] = {}
    for frame in film.frames:
        for message in frame.messages:
            arrived[message.receiver] = message.total
            if message.weight is not None:
                assert message.contribution == pytest.approx(message.signal * message.derivative * message.weight)
    for name, delta in deltas.items():
        if name in arrived:
            assert arrived[name] == pytest.approx(delta)
    inside = [event for frame in film.frames for event in frame.events]
    assert [id(event) for event in inside] == [id(event) for event in film.events]


def test_the_pictures_show_the_numbers_that_were_sent() -> None:
    net = net_2221()
    signal = draw_error_signal(net, [1.0, 0.5], [1.0], number_format='.6g')
    for frame, sent in zip(signal.frames, signal.film.frames, strict=True):
        for message in sent.messages:
            assert f'{abs(message.contribution):.6g}' in frame.source


def words(svg: str) -> str:
    texts = (element for element in ElementTree.fromstring(svg).iter() if element.tag.endswith('}text'))
    return ' '.join(''.join(text.itertext()) for text in texts)


def test_the_animation_is_one_svg_without_a_script(tmp_path: Path) -> None:
    signal = draw_error_signal(net_2221(), [1.0, 0.5], [1.0])
    path = signal.save(tmp_path / 'signal.svg')
    svg = path.read_text(encoding='utf-8')
    assert svg.count('<svg') == 1 and '<script' not in svg and 'prefers-reduced-motion' in svg
    for name in ('−0.0594', '−0.252'):
        assert name in words(svg)
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len({*ids})
    with pytest.raises(ValueError, match=r'\.svg or \.gif'):
        signal.save(tmp_path / 'signal.mp4')


def test_the_gif_has_every_picture(tmp_path: Path) -> None:
    image = pytest.importorskip('PIL.Image')
    signal = draw_error_signal(net_2221(), [1.0, 0.5], [1.0])
    with image.open(signal.save(tmp_path / 'signal.gif')) as gif:
        assert gif.n_frames == 6


def test_names_cannot_inject_markup() -> None:
    evil = '"><script>alert(1)</script>'
    signal = draw_error_signal(net_2221(), [1.0, 0.5], [1.0], input_names=[evil, 'b'], output_names=[evil])
    for svg in (signal.animation(), signal.frames[1].pipe(format='svg', encoding='utf-8')):
        tree = ElementTree.fromstring(svg)
        assert not any(element.tag.endswith('script') for element in tree.iter())


def test_what_is_no_net_is_refused() -> None:
    with pytest.raises(TypeError):
        draw_error_signal(3, [1.0], [1.0])
    with pytest.raises(ValueError, match='2 inputs'):
        draw_error_signal(net_2221(), [1.0], [1.0])
