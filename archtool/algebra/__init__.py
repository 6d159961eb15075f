"""Formulas as a person reads them: closed forms of costs, their quotients, bounds, limits; exact throughout."""
