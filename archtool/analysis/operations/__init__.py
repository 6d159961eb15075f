"""What a network computes: FLOP conventions, exact padding, the backward pass."""
