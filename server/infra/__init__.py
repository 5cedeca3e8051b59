"""TODO describe server.infra."""
