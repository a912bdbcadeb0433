"""What tests share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: What ``math`` says of a number that a function is not defined for; from Python 3.14 on it says what it wants.
NOT_DEFINED = 'domain|expected a .*input'
