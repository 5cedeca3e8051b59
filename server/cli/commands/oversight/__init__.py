"""TODO describe server.cli.commands.oversight."""
