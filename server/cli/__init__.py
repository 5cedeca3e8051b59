"""The command line: one file a command group, and nothing heavy imported before a command runs."""

from __future__ import annotations


def main() -> None:
    """Run the command that the arguments of this process name, and exit with its code."""
    from server.infra.imports import pause_garbage_collection

    with pause_garbage_collection():
        from server.cli.app import app

    app(prog_name="dataset-lifecycle")
