"""Settings of connectors: overrides of the connector templates, and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, SecretStr, create_model, field_validator

from domain.model import IDENTIFIER, DatasetType, Stage
from server.settings.fields import UNSET, Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Override(Section):
    """Override of a connector template."""

    config: dict[str, Any] = Field(
        default={}, description="Overrides the `config` of the connector template, key by key."
    )
    site: str | None = Field(
        default=None,
        description="The base of links to the copies, when it is not the source's own address.",
    )
    credential: SecretStr | None = Field(
        default=None,
        description="The token with which the connector signs in at pilot and production. A secret: write `${NAME}`.",
    )

    def overlay(self) -> dict[str, Any]:
        """The part that overrides the template; contains no secret."""
        return {"config": self.config} | ({"site": self.site} if self.site else {})


class StagedOverride(Override):
    """Override for every stage, and for single stages."""

    stages: dict[Stage, Override] = Field(
        default={}, description="The same three keys, for one stage: `stages.pilot.…`."
    )

    def stage_layers(self, stage: Stage) -> Iterator[Override]:
        """The overrides of a stage, weakest first."""
        yield self
        if stage in self.stages:
            yield self.stages[stage]


class TypeSettings(StagedOverride):
    """Override for every client, and for single clients."""

    clients: dict[str, StagedOverride] = Field(
        default={},
        description="The same keys, for one client: `clients.ACME.…`, `clients.ACME.stages.pilot.…`.",
    )

    @field_validator("clients")
    @classmethod
    def _require_distinct_client_ids(cls, clients: dict[str, StagedOverride]) -> dict[str, StagedOverride]:
        for client_id in clients:
            if not IDENTIFIER.fullmatch(client_id):
                raise ValueError("has a client id that is not valid")
        if len({each.casefold() for each in clients}) < len(clients):
            raise ValueError("has two client ids that differ only in case")
        return clients

    def layers(self, stage: Stage, client_id: str) -> Iterator[Override]:
        """The overrides of a stage and client, weakest first."""
        yield from self.stage_layers(stage)
        for name, client in self.clients.items():
            if name.casefold() == client_id.casefold():
                yield from client.stage_layers(stage)


class ConnectorSections(Section):
    """Overrides of the connector templates: how they are combined, whatever the types."""

    def overrides(self, dataset_type: DatasetType, stage: Stage, client_id: str) -> list[Mapping[str, Any]]:
        """The overrides of the connector template, weakest first: type, stage, client, the client's stage."""
        return [layer.overlay() for layer in self.type_settings(dataset_type).layers(stage, client_id)]

    def credential(self, dataset_type: DatasetType, stage: Stage, client_id: str) -> SecretStr | None:
        """The strongest credential that is set; None when none is."""
        credentials = [
            layer.credential for layer in self.type_settings(dataset_type).layers(stage, client_id)
        ]
        return next((each for each in reversed(credentials) if each is not None), None)

    def type_settings(self, dataset_type: DatasetType) -> TypeSettings:
        """The section of a type."""
        settings: TypeSettings = getattr(self, dataset_type.value)
        return settings


_NAMES: Final = [f"`{each.value}`" for each in DatasetType]
_DOC: Final = f"""Overrides of the connector templates, one section for each dataset type.

The types are {", ".join(_NAMES[:-1])} and {_NAMES[-1]}. A value for a stage overrides
the one for the type, a value for a client overrides both, and a value for a client's stage overrides them all.
"""

if TYPE_CHECKING:
    ConnectorsSettings = ConnectorSections
else:
    # A field a type, so that a new type is configured at once: a type checker needs to know the methods only.
    ConnectorsSettings = create_model(
        "ConnectorsSettings",
        __base__=ConnectorSections,
        __module__=__name__,
        __doc__=_DOC,
        **{each.value: (TypeSettings, UNSET) for each in DatasetType},
    )
