"""What ``python -m microgradnet`` does: a module for each command, and ``parsing`` for what is typed.

``parsing``   expressions and numbers, read by a grammar of their own and never run as code
``output``    what a terminal can show
``runs``      the folder that a training leaves, and its description
``train``, ``predict``, ``draw``, ``derive``, ``play``   the commands
"""
