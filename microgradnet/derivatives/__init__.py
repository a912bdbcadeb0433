"""Derivatives of graphs as graphs, and of ordinary functions, of any order."""
