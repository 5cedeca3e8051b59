"""Finding about running work: whether a living process works on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import format_timestamp
from server.doctor.report import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from domain.model import Dataset

_AREA: Final = "runs"
_SHOWN: Final = 20
_NO_SERVER: Final = (
    "Start `dataset-lifecycle serve`, or run the command again on that dataset: it goes on where it stopped."
)
_SERVED: Final = "A server runs and continues it within seconds; when it does not, read that server's log."


def find_abandoned_runs(running: Sequence[Dataset], worked_on: Collection[str], *, serving: bool) -> Finding:
    """Make the finding.

    Args:
        running: the datasets that have a run.
        worked_on: the ids of the sagas that living processes work on.
        serving: whether a server runs.
    """
    abandoned = [
        f"{each.name} ({each.run.work} of {each.dataset_id}, since {format_timestamp(each.run.started_at)})"
        for each in running
        if each.run is not None and each.run.saga_id not in worked_on
    ]
    if not abandoned:
        return Finding(area=_AREA, ok=True, message=f"{len(running)} running, each in a living process")
    more = f" and {len(abandoned) - _SHOWN} more" if len(abandoned) > _SHOWN else ""
    message = f"nobody works on {'; '.join(abandoned[:_SHOWN])}{more}"
    return Finding(
        area=_AREA, ok=True, warning=True, message=message, action=_SERVED if serving else _NO_SERVER
    )
