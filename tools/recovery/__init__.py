"""TODO describe tools.recovery."""
