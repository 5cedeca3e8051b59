"""TODO describe server.cli.commands.operation."""
