"""TODO describe server.sandbox.search_api."""
