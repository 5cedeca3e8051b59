"""TODO describe server.sandbox.state."""
