"""TODO describe server.adapters.glean.admin."""
