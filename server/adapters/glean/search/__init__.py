"""TODO describe server.adapters.glean.search."""
