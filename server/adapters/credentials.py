"""Connector credentials, read from the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.connectors import placeholder_token
from domain.errors import SettingsError
from domain.model import Stage

if TYPE_CHECKING:
    from domain.model import DatasetType
    from server.settings import ConnectorsSettings


class ConfiguredSecrets:
    """Credentials from the configuration.

    The sandbox stage, and every stage of the embedded sandbox, gets a placeholder.
    """

    def __init__(self, connectors: ConnectorsSettings, *, embedded: bool) -> None:
        self._connectors = connectors
        self._embedded = embedded

    def credential(self, dataset_id: str, dataset_type: DatasetType, stage: Stage, client_id: str) -> str:
        if self._embedded or stage is Stage.SANDBOX:
            return placeholder_token(dataset_id)
        # A real credential must never reach a sandbox, so a configured one is not even read there.
        found = self._connectors.credential(dataset_type, stage, client_id)
        if found is None:
            key = f"connectors.{dataset_type}.stages.{stage}.credential"
            message = (
                f"No credential is set for {dataset_type} of {client_id} at {stage}: "
                f"set {key}, or one for the client."
            )
            raise SettingsError(message, field=key)
        return found.get_secret_value()
