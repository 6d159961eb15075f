"""Exact Pareto fronts of results, and a point of one back as a spec."""
