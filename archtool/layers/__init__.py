"""Layer kinds, one family a file, discovered by presence."""
