"""What is laid over the connector templates, and the credentials of connectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, field_validator

from domain.model import IDENTIFIER, Stage
from server.settings.fields import UNSET, Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from domain.model import DatasetType


class Override(Section):
    """What is laid over a connector template."""

    config: dict[str, Any] = Field(
        default={}, description="Laid over the `config` of the connector template, key by key."
    )
    site: str | None = Field(
        default=None,
        description="Where the copies stand, when not at the source's own address: the base of links.",
    )
    credential: SecretStr | None = Field(
        default=None,
        description="The token that the connector signs in with at pilot and production. A secret: write `${NAME}`.",
    )

    def overlay(self) -> dict[str, Any]:
        """The part that is laid over the template; no secret."""
        return {"config": self.config} | ({"site": self.site} if self.site else {})


class StagedOverride(Override):
    """What is laid over at every stage, and at single ones."""

    stages: dict[Stage, Override] = Field(
        default={}, description="The same three keys, for one stage: `stages.pilot.…`."
    )

    def stage_layers(self, stage: Stage) -> Iterator[Override]:
        """What holds at that stage, the weakest first."""
        yield self
        if stage in self.stages:
            yield self.stages[stage]


class TypeSettings(StagedOverride):
    """What is laid over for every client, and for single ones."""

    clients: dict[str, StagedOverride] = Field(
        default={},
        description="The same keys, for one client: `clients.ACME.…`, `clients.ACME.stages.pilot.…`.",
    )

    @field_validator("clients")
    @classmethod
    def _require_distinct_client_ids(cls, clients: dict[str, StagedOverride]) -> dict[str, StagedOverride]:
        for client_id in clients:
            if not IDENTIFIER.fullmatch(client_id):
                raise ValueError("has a client id that cannot be one")
        if len({each.casefold() for each in clients}) < len(clients):
            raise ValueError("has two client ids that differ only in case")
        return clients

    def layers(self, stage: Stage, client_id: str) -> Iterator[Override]:
        """What holds for that stage and client, the weakest first."""
        yield from self.stage_layers(stage)
        for name, client in self.clients.items():
            if name.casefold() == client_id.casefold():
                yield from client.stage_layers(stage)


class ConnectorsSettings(Section):
    """What is laid over the connector template of a type: one section each.

    The types are `confluence_pages`, `github_repos`, `slack_messages` and `jira_issues`. What is set for a stage is
    stronger than what is set for the type, for a client stronger than both, and for a client's stage the strongest.
    """

    confluence_pages: TypeSettings = UNSET
    github_repos: TypeSettings = UNSET
    slack_messages: TypeSettings = UNSET
    jira_issues: TypeSettings = UNSET

    def overrides(self, dataset_type: DatasetType, stage: Stage, client_id: str) -> list[Mapping[str, Any]]:
        """What is laid over the connector template, the weakest first: type, stage, client, the client's stage."""
        return [layer.overlay() for layer in self._type_settings(dataset_type).layers(stage, client_id)]

    def credential(self, dataset_type: DatasetType, stage: Stage, client_id: str) -> SecretStr | None:
        """The strongest credential that is set; None when there is none."""
        found = [layer.credential for layer in self._type_settings(dataset_type).layers(stage, client_id)]
        return next((each for each in reversed(found) if each is not None), None)

    def _type_settings(self, dataset_type: DatasetType) -> TypeSettings:
        settings: TypeSettings = getattr(self, dataset_type.value)
        return settings
