"""TODO describe server.cli.commands.lifecycle."""
