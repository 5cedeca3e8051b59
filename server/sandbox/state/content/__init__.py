"""TODO describe server.sandbox.state.content."""
