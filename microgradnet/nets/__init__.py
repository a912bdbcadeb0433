"""Neurons, layers and nets, their errors, and their files."""
