"""The linter: what a network pays for without use, sees without gain or can't learn, by rules with stable codes."""
