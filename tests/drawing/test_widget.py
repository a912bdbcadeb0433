"""The page of a net as a widget: what goes between it and Python, by the messages of a notebook and in Chromium."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from comm.base_comm import BaseComm

from microgradnet import MLP, TeacherSet, Value, play, train
from microgradnet.drawing import player
from tests.drawing.test_player_in_browser import Tab, net_231, xor
from tests.support.browsers import needs_chromium

pytest.importorskip('anywidget', reason='anywidget makes a widget of the page: pip install anywidget')


class Comm(BaseComm):
    """A comm of Jupyter without a kernel: keeps the states that are sent, as the text that goes to the front end."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        super().__init__(target_name='jupyter.widget')

    def publish_msg(self, msg_type: str, data: Any = None, **_: Any) -> None:
        if msg_type == 'comm_msg' and data['method'] == 'update':
            self.sent.append(json.dumps(data['state']))


def shown(net: MLP, comm: Comm | None = None, samples: TeacherSet | None = None, **options: Any) -> Any:
    widget = play(net, samples or xor(), **options).widget
    widget.comm = comm or Comm()
    return widget


def numbers(net: Any) -> list[Any]:
    return [p.data for p in net.parameters()]


# Messages.


def test_a_message_of_the_page_sets_the_nets_weights() -> None:
    net = net_231()
    widget, wanted = shown(net), [0.1 + k / 3 for k in range(13)]
    widget.set_state({'weights': json.loads(json.dumps(wanted))})
    assert numbers(net) == wanted
    widget.set_state({'weights': [1, *wanted[1:]]})  # as JavaScript writes 1.0
    assert numbers(net)[0] == 1.0 and isinstance(numbers(net)[0], float)


def test_weights_of_python_are_one_message_and_none_if_they_did_not_change() -> None:
    net, comm = net_231(), Comm()
    widget = shown(net, comm)
    widget.update()
    assert comm.sent == []
    train(net, xor(), learning_rate=0.5, epochs=3, callback=lambda epoch: widget.update())
    assert len(comm.sent) == 3
    assert json.loads(comm.sent[-1]) == {'weights': numbers(net)}


def test_after_a_cell_the_page_has_the_weights_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython
    from IPython.core.events import EventManager, available_events

    events = EventManager(None, available_events)
    monkeypatch.setattr(IPython, 'get_ipython', lambda: SimpleNamespace(events=events))
    net, comm = net_231(), Comm()
    widget = shown(net, comm)
    net.layers[1].neurons[0].bias.data = 0.3
    events.trigger('post_run_cell', None)
    assert json.loads(comm.sent[-1])['weights'][-1] == 0.3
    widget.close()
    widget.close()
    assert events.callbacks['post_run_cell'] == []


def test_fractions_and_what_is_not_finite_go_as_text() -> None:
    net = MLP.from_weights([[[Fraction(1, 3)]]], [[Fraction(2)]], 'identity')
    widget = play(net, [Fraction(1)], Fraction(1)).widget
    assert widget.weights == ['1/3', '2']
    widget.set_state({'weights': ['-7/5', '4']})
    assert numbers(net) == [Fraction(-7, 5), Fraction(4)]
    net.parameters()[0].data = float('inf')
    widget.update()
    assert widget.weights[0] == 'inf'


@pytest.mark.parametrize('wrong', [[0.5], [0.5] * 14, ['x'] * 13, [[]] * 13])
def test_what_is_no_weights_of_the_net_changes_nothing(wrong: list[Any]) -> None:
    from traitlets import TraitError

    net = net_231()
    widget, before = shown(net), numbers(net)
    with pytest.raises(TraitError, match='weights of the page are 13 numbers'):
        widget.weights = wrong
    assert numbers(net) == before and widget.weights == before


def test_shared_parameters_are_one() -> None:
    net = MLP(1, [2], 'tanh', seed=1)
    net.layers[0].neurons[1].bias = net.layers[0].neurons[0].bias
    assert len(play(net, [1.0], [0.0, 1.0]).widget.weights) == 3


# What a notebook shows.


def test_a_net_is_a_widget_and_a_frame_for_who_has_no_widgets() -> None:
    from IPython.core.formatters import DisplayFormatter

    page = play(net_231(), xor())
    bundle, _ = DisplayFormatter().format(page)
    assert bundle['application/vnd.jupyter.widget-view+json']['model_id'] == page.widget.model_id
    assert bundle['text/html'] == page._repr_html_() == page.widget.frame
    assert bundle['text/plain'] == repr(page)
    assert page.widget is page.widget


def test_a_value_is_a_frame() -> None:
    from IPython.core.formatters import DisplayFormatter

    page = play(Value(2.0, 'a').tanh())
    assert {*DisplayFormatter().format(page)[0]} == {'text/plain', 'text/html'}
    with pytest.raises(TypeError, match='only the page of a net is a widget'):
        _ = page.widget


def test_without_anywidget_a_net_is_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    from IPython.core.formatters import DisplayFormatter

    monkeypatch.setattr(player, 'have', lambda package: False)
    assert {*DisplayFormatter().format(play(net_231(), xor()))[0]} == {'text/plain', 'text/html'}


@pytest.mark.slow
def test_in_a_kernel_a_cell_that_assigns_or_trains_is_on_the_page() -> None:
    import nbclient
    import nbformat

    cells = ["""\
from microgradnet import MLP, TeacherSet, play, train
net = MLP(1, [1], seed=1)
samples = TeacherSet([[1.0]], [0.5])
page = play(net, samples)
page""", 'net.layers[0].neurons[0].bias.data = 1 / 3', """\
history = train(net, samples, learning_rate=0.5, epochs=1)
print(*[p.data for p in net.parameters()])"""]  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client, weights = nbclient.NotebookClient(notebook, timeout=60), list[list[float]]()
    with client.setup_kernel():
        for k, cell in enumerate(notebook.cells):
            client.execute_cell(cell, k)
            model = notebook.cells[0].outputs[0].data['application/vnd.jupyter.widget-view+json']['model_id']
            weights.append(client.widget_state[model]['weights'])
    assert weights[0] != weights[1] and weights[1][1] == 1 / 3
    assert weights[2] == [float(number) for number in notebook.cells[2].outputs[0].text.split()] != weights[1]


# In a browser, by anywidget's front-end protocol.

#: A host that is all a notebook is to a widget: a model whose changes go to Python, and come from it.
HOST = """<!DOCTYPE html><meta charset="utf-8"><body><div id="one"></div><div id="two"></div>
<script type="module">
const listeners = [], state = JSON.parse(STATE), unsent = {};
window.model = {
  get: name => state[name],
  set(name, value) {
    if (JSON.stringify(state[name]) === JSON.stringify(value)) return;
    state[name] = unsent[name] = value;
    for (const [event, heard] of [...listeners]) if (event === `change:${name}`) heard();
  },
  save_changes() {
    window.toPython(JSON.stringify(unsent));
    for (const name in unsent) delete unsent[name];
  },
  on(...listener) { listeners.push(listener); },
  off(...gone) { listeners.splice(listeners.findIndex(known => known.every((part, k) => part === gone[k])), 1); },
  receive(text) {
    for (const [name, value] of Object.entries(JSON.parse(text))) this.set(name, value), delete unsent[name];
  },
};
window.listeners = listeners;
const widget = (await import(`data:text/javascript;base64,${ESM}`)).default;
window.render = id => widget.render({ model, el: document.getElementById(id) });
window.clear = render('one');
</script>"""


class Notebook(Tab):
    """A notebook that shows a widget: what Python sends reaches the page, what the page sends reaches Python."""

    def __init__(self, chromium: Any, net: MLP, folder: Path, **options: Any) -> None:
        self.net, self.python = net, Comm()
        self.widget = shown(net, self.python, **options)
        state = json.dumps(json.dumps({'frame': self.widget.frame, 'weights': self.widget.weights}))
        esm = base64.b64encode(self.widget._esm.encode()).decode()
        file = folder / 'notebook.html'
        file.write_text(HOST.replace('STATE', state.replace('<', r'\u003c')).replace('${ESM}', esm), encoding='utf-8')
        self.received: list[str] = []
        super().__init__(chromium, file)
        self.page.expose_function('toPython', lambda text: self.received.append(text))
        self.frame = self.page.frame_locator('#one iframe')
        self.frame.locator('#E strong').wait_for()

    def __exit__(self, *error: object) -> None:
        self.requests = [url for url in self.requests if url.partition(':')[0] not in ('about', 'data')]
        super().__exit__(*error)

    def settle(self) -> None:
        """Let messages arrive, until both sides have no more to say."""
        for _ in range(4):
            self.frame.locator('body').evaluate(
                '() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))'
            )
            for text in self.received:
                self.widget.set_state(json.loads(text))
            self.received.clear()
            for text in self.python.sent:
                self.page.evaluate('text => model.receive(text)', text)
            self.python.sent.clear()

    def weights(self, frame: Any = None) -> list[float]:
        """What a link of the page would carry: its weights to the last digit."""
        frame = frame or self.frame
        frame.locator('.menu').evaluate('menu => { menu.open = true; }')
        frame.locator('#link').click()
        fragment = frame.locator('#address').input_value().partition('#')[2]
        frame.locator('.menu').evaluate('menu => { menu.open = false; }')
        decode = 'text => JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/"))).theta'
        return [*self.page.evaluate(decode, fragment)]


@pytest.fixture
def notebook(chromium: Any, tmp_path: Path) -> Iterator[Notebook]:
    with Notebook(chromium, net_231(), tmp_path, learning_rate=0.5) as opened:
        yield opened


@pytest.mark.slow
@needs_chromium
def test_what_learns_on_the_page_is_the_net(notebook: Notebook) -> None:
    other = net_231()
    for _ in range(3):
        notebook.frame.locator('#step-once').click()
    notebook.settle()
    train(other, xor(), learning_rate=0.5, epochs=3, mode='batch')
    assert numbers(notebook.net) == pytest.approx(numbers(other), rel=1e-12)
    assert numbers(notebook.net) == notebook.weights()


@pytest.mark.slow
@needs_chromium
def test_what_is_typed_dragged_and_undone_is_the_net(notebook: Notebook) -> None:
    before = numbers(notebook.net)
    notebook.frame.locator('#picture .handle[aria-label="w x2,1"]').focus()
    notebook.frame.locator('#number').fill('0.1234567890123')
    notebook.settle()
    assert notebook.net.layers[0].neurons[0].weights[1].data == 0.123456789012  # as the page keeps it
    assert numbers(notebook.net) == notebook.weights()
    notebook.frame.locator('#undo').click()
    notebook.settle()
    assert numbers(notebook.net) == notebook.weights() == before


@pytest.mark.slow
@needs_chromium
def test_what_python_trains_is_on_the_page(notebook: Notebook) -> None:
    update = notebook.widget.update
    train(notebook.net, xor(), learning_rate=0.5, epochs=50, mode='online', callback=lambda epoch: update())
    notebook.settle()
    assert notebook.weights() == numbers(notebook.net)
    assert notebook.received == []  # it does not send back what it heard
    notebook.net.layers[1].neurons[0].bias.data = 1 / 3
    notebook.widget.update()
    notebook.settle()
    assert notebook.weights() == numbers(notebook.net)
    notebook.frame.locator('#undo').click()  # all that came from Python is one gesture
    notebook.settle()
    assert notebook.weights() == numbers(notebook.net) == numbers(net_231())


@pytest.mark.slow
@needs_chromium
def test_both_at_once_end_alike(notebook: Notebook) -> None:
    notebook.frame.locator('.menu').evaluate('menu => { menu.open = true; }')
    notebook.frame.locator('#learn').click()
    for k in range(5):
        notebook.net.layers[1].neurons[0].bias.data = float(k)
        notebook.widget.update()
        notebook.settle()
    notebook.frame.locator('#learn').click()
    notebook.settle()
    assert notebook.weights() == numbers(notebook.net) == notebook.page.evaluate('model.get("weights")')


@pytest.mark.slow
@needs_chromium
def test_two_views_and_one_that_was_moved_show_the_same(notebook: Notebook) -> None:
    notebook.page.evaluate('() => { render("two"); }')
    second = notebook.page.frame_locator('#two iframe')
    second.locator('#step-once').click()
    notebook.settle()
    assert notebook.weights() == notebook.weights(second) == numbers(notebook.net) != numbers(net_231())
    notebook.page.evaluate('document.getElementById("two").append(document.querySelector("#one iframe"))')
    moved = notebook.page.frame_locator('#two iframe').last
    moved.locator('#E strong').wait_for()
    notebook.drawn()
    assert notebook.weights(moved) == numbers(notebook.net)
    notebook.page.evaluate('clear()')
    assert notebook.page.evaluate('listeners.length') == 1


@pytest.mark.slow
@needs_chromium
def test_snapshots_stay_and_the_net_is_the_last_of_them(chromium: Any, tmp_path: Path) -> None:
    net, snapshots = net_231(), list[list[Any]]()
    train(net, xor(), learning_rate=0.5, epochs=5, callback=lambda epoch: snapshots.append(numbers(net)))
    with Notebook(chromium, net, tmp_path, weights=snapshots) as notebook:
        notebook.settle()
        assert notebook.weights() == numbers(net)
        assert notebook.frame.locator('#epoch').get_attribute('max') == '4'
        assert notebook.frame.locator('#epoch').input_value() == '4'
        notebook.frame.locator('#epoch').fill('1')
        notebook.settle()
        assert numbers(net) == snapshots[1]


@pytest.mark.slow
@needs_chromium
def test_weights_beyond_a_branch_are_refused_in_words_and_stay_pythons(chromium: Any, tmp_path: Path) -> None:
    def bent(r: Value) -> Value:
        return r.tanh() * r if r > 0 else r * 0.1

    net = MLP.from_weights([[[1.0]], [[1.0]]], [[0.5], [0.0]], bent)
    with Notebook(chromium, net, tmp_path, samples=TeacherSet([[1.0]], [0.0])) as notebook:
        net.layers[0].neurons[0].bias.data = -3.0
        notebook.widget.update()
        notebook.settle()
        assert 'was recorded where' in notebook.frame.locator('#refused').inner_text()
        assert numbers(net) == [1.0, -3.0, 1.0, 0.0]
