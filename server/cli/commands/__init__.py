"""The commands: one module per command or command group, sorted by what they are about."""
