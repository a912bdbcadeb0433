"""The engine: the table of operations, the node that records them, and the signals that go back.

It knows nobody else in the package. Begin with ``table``, then the first half of ``value``.
"""
