"""Whether a claim about networks is true: proved, tested, or refuted."""
