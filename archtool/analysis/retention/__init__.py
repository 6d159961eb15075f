"""What a network keeps in memory while it runs."""
