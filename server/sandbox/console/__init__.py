"""TODO describe server.sandbox.console."""
