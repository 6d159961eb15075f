"""Torch modules of attention; imported by layers' `torch` methods only."""
