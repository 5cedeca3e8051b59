"""TODO describe server.adapters.templates.readers."""
