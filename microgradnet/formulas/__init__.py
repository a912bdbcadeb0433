"""Formulas as structures, and the notations they are printed in."""
