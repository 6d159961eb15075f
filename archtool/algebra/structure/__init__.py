"""What follows from the structure of a network alone, for all weights."""
