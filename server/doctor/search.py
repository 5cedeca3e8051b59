"""Finding about the client token, with which golden questions are asked: whether it can search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import PlatformDeniedError, PlatformError, PlatformInvalidError
from server.doctor.report import Finding

if TYPE_CHECKING:
    from domain.ports import Platform

AREA: Final = "search"
_ANYTHING: Final = "dataset-lifecycle"


async def check_search(platform: Platform) -> list[Finding]:
    """Try a search with the client token. Returns no finding when Glean itself does not answer."""
    try:
        await platform.search(_ANYTHING, limit=1)
    except (PlatformDeniedError, PlatformInvalidError) as refusal:
        return [Finding(area=AREA, ok=False, message=refusal.message, action=refusal.suggested_action)]
    except PlatformError:
        return []  # the probe of Glean itself reports it
    return [Finding(area=AREA, ok=True, message="the client token can search: golden questions are asked")]
