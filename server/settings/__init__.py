"""Settings: every key of the configuration, and how it is read."""

from __future__ import annotations

from server.settings.connectors import ConnectorsSettings
from server.settings.loading import load_settings
from server.settings.model import Settings

__all__ = ["ConnectorsSettings", "Settings", "load_settings"]
