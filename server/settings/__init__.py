"""Settings: every key of the configuration, and how it is read."""

from __future__ import annotations

from server.settings.connectors import ConnectorsSettings
from server.settings.loading import find_command_options, format_command_options, load_settings
from server.settings.model import MockDataRepoSettings, SanitizationSettings, Settings

__all__ = [
    "ConnectorsSettings",
    "MockDataRepoSettings",
    "SanitizationSettings",
    "Settings",
    "find_command_options",
    "format_command_options",
    "load_settings",
]
