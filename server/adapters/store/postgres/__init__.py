"""TODO describe server.adapters.store.postgres."""
