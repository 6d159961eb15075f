"""Readings of an evaluated network."""
