"""TODO describe server.sandbox.indexing_api.protocol."""
