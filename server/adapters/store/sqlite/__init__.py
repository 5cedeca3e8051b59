"""TODO describe server.adapters.store.sqlite."""
