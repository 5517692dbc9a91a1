"""Commands as values."""
