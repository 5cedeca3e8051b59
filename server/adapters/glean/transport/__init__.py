"""TODO describe server.adapters.glean.transport."""
