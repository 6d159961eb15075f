"""Text and pictures of an evaluated network, built by pure functions; only `picture` writes files."""
