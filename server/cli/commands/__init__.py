"""TODO describe server.cli.commands."""
