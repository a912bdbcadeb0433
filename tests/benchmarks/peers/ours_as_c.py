"""microgradnet's program printed as C by ``to_c``, compiled by gcc, in a loop over the rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .by_hand import descend
from .compiler import build
from .ours import program_of
from .tasks import Entry, Net

__all__ = ['batch']

#: What goes around the one row that ``to_c`` prints: all rows, the update, the epochs.
AROUND = """
void descend(double *w, const double *rows, int n, double rate, int epochs)
{
    double gradient[%(weights)d];
    while (epochs--) {
        for (int i = 0; i < %(weights)d; i++)
            gradient[i] = 0;
        for (int s = 0; s < n; s++)
            sample_gradient(rows + %(width)d * s, w, gradient);
        for (int i = 0; i < %(weights)d; i++)
            w[i] -= rate * gradient[i];
    }
}
"""


def batch(net: Net) -> Iterator[Entry]:
    _, program = program_of(net)
    around = AROUND % {'weights': len(net.theta), 'width': net.rows.shape[1]}
    library = build(program.to_c('sample') + around)
    run = partial(descend, library.descend, net, 0, True)
    yield Entry('microgradnet, printed as C, gcc', run, net.epochs)
