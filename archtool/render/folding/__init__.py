"""A folding as text: what was folded and refused, and the folded network as a spec."""
