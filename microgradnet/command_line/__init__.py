"""What ``python -m microgradnet`` does: a module for each command, and ``parsing`` for what is typed.

``grammar``   what an expression may have in it
``parsing``   expressions and numbers, read by that grammar and never run as code
``output``    what a terminal can show
``runs``      the folder that a training leaves, and its description
``report``    what is in it to be read and looked at
``train``, ``predict``, ``draw``, ``derive``   the commands
"""
