"""Whether a statement over whole numbers holds for all values of its free sizes: proved, refuted, or neither."""
