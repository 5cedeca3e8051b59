"""TODO describe server.workers."""
