"""TODO describe server.adapters.store.repositories."""
