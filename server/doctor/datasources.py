"""Findings about datasources: whether those in our records are in the configured Glean, and still ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.model import ConnectorOutcome, DatasetStatus, OwnerTag, quote_foreign
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
_GONE: Final = (
    "See `dataset-lifecycle health`. Take the dataset down: what is gone already counts as removed."
)
_NOT_OURS: Final = "A person must check it in Glean: what is not ours is never adopted, changed or removed."
_ELSEWHERE: Final = (
    "Configure that Glean again (glean.base_url, glean.api_key, glean.dialect) to manage them. If it is gone for good, "
    "a teardown can leave the connector behind (docs/teardown.md)."
)

_LEFT: Final = (
    "Have an admin delete the unwanted ones in Glean: Admin console, Overview, Extreme measures, Delete instance. A "
    "new dataset of that name uses its datasource again."
)


def load_serving_connectors(uow: UnitOfWork) -> tuple[str, list[Connector]]:
    """Load the installation that our owner tags name, and the connectors that have a datasource."""
    found = paginate(
        lambda after: uow.connectors.list_connected(after=after, limit=_PAGE),
        lambda last: last.connector_id,
    )
    return uow.installation, [each for each in found if each.handle is not None]


def load_emptied_datasources(uow: UnitOfWork) -> list[str]:
    """Load the names of datasources that a teardown emptied but could not delete, including those in use again."""
    archived = (DatasetStatus.ARCHIVED,)
    found = paginate(
        lambda after: uow.datasets.find(DatasetQuery(statuses=archived, after=after, limit=_PAGE)),
        lambda last: last.dataset_id,
    )
    return list(dict.fromkeys(each.name for each in found if _was_emptied(each)))


async def check_datasources(
    platform: Platform, installation: str, connectors: Sequence[Connector], emptied: Collection[str] = ()
) -> list[Finding]:
    """Compare our connectors with Glean: present, missing, not ours, in another Glean, and left over.

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
    message = f"{len(here) - len(gone) - len(foreign)} of {len(here)} in our records are in Glean, and ours"
    return [
        *([Finding(area=AREA, ok=True, message=message)] if here else []),
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
        quote_foreign(each.name)
        for each in await platform.find_datasources(emptied[:_LOOKED_FOR])
        if each.mark is None
    ]
    if not found:
        return []
    message = f"emptied, and still registered: {_format_names(found)}"
    return [Finding(area=AREA, ok=True, message=message, action=_LEFT)]


def _was_emptied(dataset: Dataset) -> bool:
    return dataset.teardown is not None and dataset.teardown.connector_outcome is ConnectorOutcome.EMPTIED


def _missing_finding(gone: Sequence[Connector]) -> Finding:
    return Finding(
        area=AREA, ok=True, warning=True, message=f"not in Glean: {_format_connectors(gone)}", action=_GONE
    )


def _foreign_finding(foreign: Sequence[Connector]) -> Finding:
    message = f"in Glean, but without our owner tag: {_format_connectors(foreign)}"
    return Finding(area=AREA, ok=False, message=message, action=_NOT_OURS)


def _elsewhere_finding(elsewhere: Sequence[Connector], who: Fingerprint) -> Finding:
    places = ", ".join(sorted({each.fingerprint.describe() for each in elsewhere}))
    message = f"made at {places}, while {who.describe()} is configured: {_format_connectors(elsewhere)}"
    return Finding(area=AREA, ok=False, message=message, action=_ELSEWHERE)


def _format_connectors(connectors: Iterable[Connector]) -> str:
    return _format_names([each.name for each in connectors])


def _format_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
