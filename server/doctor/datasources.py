"""Whether the datasources that our records name are in the Glean that is configured, and still ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.model import ConnectorOutcome, DatasetStatus, OwnerTag
from domain.ports import DatasetQuery, paginate
from server.doctor.report import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from domain.model import Connector, Dataset, Fingerprint
    from domain.ports import Platform, UnitOfWork

AREA: Final = "datasources"
_PAGE: Final = 500
_SHOWN: Final = 5
_LOOKED_FOR: Final = 50
_GONE: Final = "`dataset-lifecycle health` tells more. Take it down: what is gone already counts as removed."
_NOT_OURS: Final = (
    "A person must look at it in Glean: nothing that is not ours is adopted, changed or removed."
)
_ELSEWHERE: Final = (
    "Configure that Glean again (glean.base_url, glean.api_key, glean.dialect) to look after them. What is in one that "
    "has gone for good can be given up at its teardown (docs/teardown.md)."
)

_LEFT: Final = (
    "Have an admin there delete those that are not wanted any more: Admin console, Overview, Extreme measures, Delete "
    "instance. A new dataset of that name takes its own over."
)


def load_serving_connectors(uow: UnitOfWork) -> tuple[str, list[Connector]]:
    """Whose marks are ours, and the connectors that serve somewhere, by our uow."""
    found = paginate(
        lambda after: uow.connectors.list_connected(after=after, limit=_PAGE),
        lambda last: last.connector_id,
    )
    return uow.installation, [each for each in found if each.handle is not None]


def load_emptied_datasources(uow: UnitOfWork) -> list[str]:
    """The names of datasources that were emptied and never deleted, by our uow, those that serve again too."""
    archived = (DatasetStatus.ARCHIVED,)
    found = paginate(
        lambda after: uow.datasets.find(DatasetQuery(statuses=archived, after=after, limit=_PAGE)),
        lambda last: last.dataset_id,
    )
    return list(dict.fromkeys(each.name for each in found if _was_emptied(each)))


async def check_datasources(
    platform: Platform, installation: str, connectors: Sequence[Connector], emptied: Collection[str] = ()
) -> list[Finding]:
    """What is there of ours, what is not, what is somebody else's, and what is left of what was.

    Raises PlatformError.
    """
    who = await platform.fetch_fingerprint()
    here = [each for each in connectors if each.fingerprint == who]
    wanted = [each.name for each in here]
    found = await platform.find_datasources(wanted) if wanted else ()
    marks = {each.name.casefold(): each.mark for each in found}
    gone = [each for each in here if each.name.casefold() not in marks]
    foreign = [
        each
        for each in here
        if each not in gone
        and marks[each.name.casefold()] != OwnerTag(installation=installation, dataset_id=each.dataset_id)
    ]
    elsewhere = [each for each in connectors if each.fingerprint != who]
    told = f"{len(here) - len(gone) - len(foreign)} of {len(here)} that our records name are there, and ours"
    return [
        *([Finding(area=AREA, ok=True, message=told)] if here else []),
        *([_missing_finding(gone)] if gone else []),
        *([_foreign_finding(foreign)] if foreign else []),
        *([_elsewhere_finding(elsewhere, who)] if elsewhere else []),
        *await _check_leftovers(
            platform, [each for each in emptied if each not in {one.name for one in connectors}]
        ),
    ]


async def _check_leftovers(platform: Platform, emptied: Sequence[str]) -> list[Finding]:
    if platform.capabilities.delete or not emptied:
        return []
    found = [
        each.name for each in await platform.find_datasources(emptied[:_LOOKED_FOR]) if each.mark is None
    ]
    if not found:
        return []
    told = f"emptied, and still registered: {_format_names(found)}"
    return [Finding(area=AREA, ok=True, message=told, action=_LEFT)]


def _was_emptied(dataset: Dataset) -> bool:
    return dataset.teardown is not None and dataset.teardown.connector_outcome is ConnectorOutcome.EMPTIED


def _missing_finding(gone: Sequence[Connector]) -> Finding:
    return Finding(
        area=AREA, ok=True, warning=True, message=f"not there: {_format_connectors(gone)}", action=_GONE
    )


def _foreign_finding(foreign: Sequence[Connector]) -> Finding:
    told = f"there, and without our mark: {_format_connectors(foreign)}"
    return Finding(area=AREA, ok=False, message=told, action=_NOT_OURS)


def _elsewhere_finding(elsewhere: Sequence[Connector], who: Fingerprint) -> Finding:
    places = ", ".join(sorted({_format_platform(each.fingerprint) for each in elsewhere}))
    told = f"made at {places}, while {_format_platform(who)} is configured: {_format_connectors(elsewhere)}"
    return Finding(area=AREA, ok=False, message=told, action=_ELSEWHERE)


def _format_platform(where: Fingerprint) -> str:
    tenant = f", tenant {where.tenant}" if where.tenant else ""
    return f"{where.url} ({where.dialect} dialect{tenant})"


def _format_connectors(connectors: Iterable[Connector]) -> str:
    return _format_names([each.name for each in connectors])


def _format_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
