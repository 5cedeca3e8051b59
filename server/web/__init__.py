"""TODO describe server.web."""
