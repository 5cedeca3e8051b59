"""TODO describe tools.edge."""
