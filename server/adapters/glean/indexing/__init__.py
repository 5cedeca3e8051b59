"""TODO describe server.adapters.glean.indexing."""
