"""TODO describe tools.leases."""
