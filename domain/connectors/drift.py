"""Drift: differences between the datasources in Glean and our connectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.model import Connector, ConnectorStatus, OwnerTag, quote_foreign
from domain.ports import Datasource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.ports import Observation

_CHANGED: Final = (
    "Somebody changed its configuration in Glean. Ask a person to inspect it; a provision with retry sets it "
    "again."
)
_UNMARKED: Final = (
    "It no longer carries this dataset's owner tag, so this server does not change it. Ask a person to inspect it in "
    "Glean, and to restore the tag or delete the datasource."
)
_MISSING: Final = (
    "Somebody removed it in Glean. Take the dataset down, and provision it again if it is needed."
)
_ABANDONED: Final = (
    "The teardown of its dataset abandoned it. Ask a person to delete it in Glean when Glean can be reached "
    "again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftItem:
    """Drift item: one difference between Glean and our records.

    `kind` is `unowned_connector` (it is in Glean with our owner tag, and no dataset owns it), `missing_connector` (a
    dataset's connector is not in Glean), or `changed_connector` (its configuration is not ours, or it no longer carries
    our owner tag). `handle` is Glean's id of the datasource.
    """

    kind: str
    name: str
    dataset_id: str
    handle: str
    suggested_action: str
    connector_id: str | None = None
    client_id: str | None = None


def detect_drift(
    found: Sequence[Datasource], connectors: Sequence[Connector], installation: str
) -> tuple[DriftItem, ...]:
    """Compare the datasources in Glean with our connectors. A datasource that was never ours is no drift.

    Args:
        found: every datasource that the platform has.
        connectors: our connectors, of all clients; those that are DISCONNECTED own nothing.
        installation: the installation of our owner tags.
    """
    living = [each for each in connectors if each.status is not ConnectorStatus.DISCONNECTED]
    # Until its handle is known, a connector that is being created owns every datasource with its dataset's owner tag.
    owners = {(each.dataset_id, each.handle) for each in living}
    present = {each.handle: each for each in found}
    unowned = (
        DriftItem(
            kind="unowned_connector",
            # Whoever may edit datasources in Glean chose the name, and can copy our mark.
            name=quote_foreign(each.name),
            dataset_id=quote_foreign(each.mark.dataset_id),
            handle=each.handle,
            suggested_action="Ask a person to inspect it, and to delete it in Glean if nothing needs it.",
        )
        for each in found
        if each.mark is not None
        and each.mark.installation == installation
        and owners.isdisjoint({(each.mark.dataset_id, each.handle), (each.mark.dataset_id, None)})
    )
    missing = (
        _drift_item("missing_connector", each, _MISSING)
        for each in living
        if each.handle is not None and each.handle not in present
    )
    changed = (
        _drift_item("changed_connector", each, action)
        for each in living
        if each.handle is not None
        and each.handle in present
        and (action := _suggested_action(each, present[each.handle], installation))
    )
    return (*unowned, *missing, *changed)


def datasource_from_observation(connector: Connector, observation: Observation) -> Datasource:
    """The datasource of a connector that was observed by itself, as a list of datasources would contain it."""
    return Datasource(
        handle=connector.handle or "",
        name=connector.name,
        kind=connector.kind,
        mark=observation.mark,
        changed=observation.changed,
    )


def _suggested_action(connector: Connector, found: Datasource, installation: str) -> str | None:
    """What to do about a connector that somebody changed; None for an unchanged one."""
    if found.mark != OwnerTag(installation=installation, dataset_id=connector.dataset_id):
        return _UNMARKED
    return _CHANGED if _is_reconfigured(connector, found) else None


def _is_reconfigured(connector: Connector, found: Datasource) -> bool:
    """Whether a setting of ours has another value in Glean. Settings that the platform adds do not count."""
    if found.changed is not None:
        return found.changed
    config = found.config
    return config is not None and any(config.get(name) != value for name, value in connector.config.items())


def abandoned_drift_item(connector: Connector, why: str) -> DriftItem:
    """The drift of a connector that a teardown abandoned; `why` is the reason that it cannot be observed."""
    return _drift_item("unowned_connector", connector, f"{_ABANDONED} {why}")


def _drift_item(kind: str, connector: Connector, action: str) -> DriftItem:
    return DriftItem(
        kind=kind,
        name=connector.name,
        dataset_id=connector.dataset_id,
        handle=connector.handle or "",
        connector_id=connector.connector_id,
        client_id=connector.client_id,
        suggested_action=action,
    )
