"""Search in a space of designs: optimisers, budgets, objectives, and what can be resumed."""
