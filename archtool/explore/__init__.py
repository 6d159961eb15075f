"""Sweeps, fronts and search over a space of designs."""
