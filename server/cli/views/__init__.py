"""TODO describe server.cli.views."""
