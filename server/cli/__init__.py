"""The command line: one module per command group. Heavy imports wait until a command needs them."""

from __future__ import annotations


def main() -> None:
    """Run the command that this process was called with, and exit with its code."""
    from server.infra.imports import pause_garbage_collection

    # Imports make many objects and no garbage; collecting in between only delays the first output.

    with pause_garbage_collection():
        from server.cli.app import app

    app(prog_name="dataset-lifecycle")
