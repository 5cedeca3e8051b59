"""TODO describe server.sandbox.http."""
