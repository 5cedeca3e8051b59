"""TODO describe domain.connectors.config.drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.model import Connector, ConnectorStatus, OwnerTag
from domain.ports import Datasource

if TYPE_CHECKING:
    from domain.ports import Observation

_CHANGED: Final = (
    "Somebody changed its configuration in Glean: have a person look; a provision with retry puts it back."
)
_UNMARKED: Final = (
    "It does not carry this dataset's mark any more, so it is not touched from here: have a person look at it in "
    "Glean, and put the mark back, or delete it there."
)
_MISSING: Final = "Somebody removed it in Glean: take the dataset down, and provision it again when needed."
_ABANDONED: Final = (
    "It was abandoned when its dataset was taken down: have a person delete it in Glean, when it can be reached "
    "again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftItem:
    """A difference between what Glean has and what our records say it has.

    `kind` is `unowned_connector` (in Glean, carrying our mark, and no dataset owns it), `missing_connector` (one of a
    dataset that is not in Glean), or `changed_connector` (its configuration is another than the one that we gave, or
    it carries our mark no more).
    `handle` is Glean's id for it.
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
    """What Glean has of ours that no connector of ours is, and the other way round; what is not ours is nobody's drift.

    Args:
        found: every datasource that the platform has.
        connectors: every connector of ours, of all clients; those that are DISCONNECTED own nothing.
        installation: whose mark is ours.
    """
    living = [each for each in connectors if each.status is not ConnectorStatus.DISCONNECTED]
    # Until its handle is known, a connector that is being made owns whatever carries its dataset's mark.
    owners = {(each.dataset_id, each.handle) for each in living}
    present = {each.handle: each for each in found}
    unowned = (
        DriftItem(
            kind="unowned_connector",
            name=each.name,
            dataset_id=each.mark.dataset_id,
            handle=each.handle,
            suggested_action="Have a person look at it, and delete it in Glean when nothing needs it.",
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


def datasource_from_observation(connector: Connector, seen: Observation) -> Datasource:
    """A connector that was looked at by itself, as a list would have it."""
    return Datasource(
        handle=connector.handle or "",
        name=connector.name,
        kind=connector.kind,
        mark=seen.mark,
        changed=seen.changed,
    )


def _suggested_action(connector: Connector, found: Datasource, installation: str) -> str | None:
    """What is to be done about a connector that somebody changed; None for one that stands as we made it."""
    if found.mark != OwnerTag(installation=installation, dataset_id=connector.dataset_id):
        return _UNMARKED
    return _CHANGED if _is_reconfigured(connector, found) else None


def _is_reconfigured(connector: Connector, found: Datasource) -> bool:
    """Whether something that we set stands otherwise in Glean; what a platform adds of its own is its own."""
    if found.changed is not None:
        return found.changed
    said = found.config
    return said is not None and any(said.get(name) != value for name, value in connector.config.items())


def abandoned_drift_item(connector: Connector, why: str) -> DriftItem:
    """A connector that a teardown abandoned, so that no dataset owns it; `why` nobody can look whether it is there."""
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
