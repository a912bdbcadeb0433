"""The headings and sentences that a printed derivation may have.

Part of ``derivation_reader``, which says what it is for.
"""

HEADINGS = (
    'What is given', 'The forward run', 'The update rule', 'The error', 'The chain rule', 'The terms that vanish',
    'The paths that remain', 'The error signals', 'Both are equal', 'The update with numbers',
    'The expression, step by step', 'Each step by what goes into it', 'The chain rule along each path',
)  # fmt: skip

PROSE = (
    '', 'Of each sample:', 'The 1/2 and the 2 cancel each other out:', 'What is left:',
    'The known outputs are constants:',
    'The known outputs are constants, and so are the outputs that the weight does not reach:',
    'By the chain rule once more:', 'All paths to an output:', 'Put together:', 'Substituted, back to the outputs:',
    'Error introduced, times gradient of the activation, times input:', 'Over all paths, then with error signals:',
    'Of all samples:', 'Of every neuron:', 'All paths together:', 'By itself:', 'No signal travels along any path:',
    'From (), the iteration index l left out:', 'From ():', 'From () and ():',
)  # fmt: skip
