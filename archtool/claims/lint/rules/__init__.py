"""The rules, a family a file, found by their presence here as layer kinds are.

The letter of a code says what a finding is about: C what it costs and how it runs on hardware, F fields and positions,
W wiring and what can be computed at all, N norms and training, U what a spec has and never uses.
"""
