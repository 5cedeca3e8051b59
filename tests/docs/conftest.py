"""The pages are run as they stand, on a machine where nothing is configured."""

from __future__ import annotations

from tests.server.cli.conftest import _nothing_configured, commands

__all__ = ["_nothing_configured", "commands"]
