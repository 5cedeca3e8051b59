"""Ports of connector settings and connector credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.model import DatasetType, Stage


class ConnectorTemplates(Protocol):
    """Connector templates by dataset type, with the overrides per stage and client from the configuration."""

    def settings(self, dataset_type: DatasetType, stage: Stage, client_id: str) -> Mapping[str, Any]:
        """The merged settings, `{connector, collect, config}`; `build_datasource_spec` validates them."""
        ...


class Secrets(Protocol):
    """Credentials of connectors. No other object holds one."""

    def credential(self, dataset_id: str, dataset_type: DatasetType, stage: Stage, client_id: str) -> str:
        """The token that the connector signs in with. Raises SettingsError, which names the missing setting."""
        ...
