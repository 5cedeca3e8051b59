"""TODO describe tools.core."""
