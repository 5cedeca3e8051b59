"""TODO describe server.cli.commands.registry."""
