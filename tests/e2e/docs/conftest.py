"""The pages are run as they stand, on a machine where nothing is configured."""

from __future__ import annotations

from tests.integration.cli.conftest import (
    _clean_environment,
    command_line,
    prepared_folders,
    scripted_sandbox,
)

__all__ = ["_clean_environment", "command_line", "prepared_folders", "scripted_sandbox"]
