"""Finding about the Glean that the data folder belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from server.doctor.report import Finding

if TYPE_CHECKING:
    from domain.connectors import HomeStatus

AREA: Final = "platform"


def home_finding(status: HomeStatus) -> Finding:
    """Say which Glean the data folder belongs to; wrong where nothing can be begun with this configuration."""
    if refusal := status.refusal:
        return Finding(area=AREA, ok=False, message=refusal.message, action=refusal.suggested_action)
    if status.home is None:
        message = f"the first dataset will make this data folder belong to {status.here.describe()}"
    else:
        message = status.notice or f"this data folder belongs to {status.home.describe()}"
    return Finding(area=AREA, ok=True, message=message)
