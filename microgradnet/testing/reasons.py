"""What ``check_engine`` says of what it finds: a sentence each."""

from __future__ import annotations

#: What it looks like from outside, by the name of the walk.
MISTAKES = {
    'recursion': 'As if a node sent on, each time a signal comes to it, all that has come so far, the old part again.',
    'breadth first': 'As if nodes were visited level by level: one sends its signal on before all of it has arrived.',
    'depth first': 'As if nodes were visited when first met: one sends its signal on before all of it has arrived.',
    'overwrite': "As if a signal replaced (=) what a node's other consumers sent, and were not added (+=).",
    'inputs in a set': 'As if the inputs were kept in a set: of the two edges from one node, one is lost.',
    'visited by value': 'As if two nodes of equal data were one: the second is never visited.',
}
OTHERWISE = 'Each operation is right alone, so it is the walk over the graph that goes wrong.'
AGAIN = 'Inner nodes keep the signal of the first call and send it on once more in the second.'
REPLACED = "The second call's gradients replace the first's, here always; this project adds, as most do."
SHARED = 'The inner node that both share keeps the signal of the first and sends it on once more in the second.'
LEAF = 'A leaf may be a root: what its gradient held is lost.'
LATE = 'Local derivatives are read when backward runs, from data at which y was never computed.'
DEEP = 'The walk recurses, once a node: a long sum is too deep for it.'
EQUAL = 'Nodes of equal data are one in a set or a dict: a walk, or a set of parameters, loses all but one.'
COMPARED = 'Nodes compare by something other than their data.'
BASICS = 'Nothing else can be checked without this.'
CRASH = 'It raises where the calculus has an answer.'
MISSING = 'Not wrong, only not there; the other checks do without it.'
