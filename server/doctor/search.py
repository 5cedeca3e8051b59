"""Whether the client token searches, where there is one: golden questions are asked with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import PlatformDeniedError, PlatformError
from server.doctor.report import Finding

if TYPE_CHECKING:
    from domain.ports import Platform

AREA: Final = "search"
_ANYTHING: Final = "dataset-lifecycle"


async def check_search(platform: Platform) -> list[Finding]:
    """What a search comes to where there is a client token; nothing when Glean itself does not answer."""
    try:
        await platform.search(_ANYTHING, limit=1)
    except PlatformDeniedError as denied:
        return [Finding(area=AREA, ok=False, message=denied.message, action=denied.suggested_action)]
    except PlatformError:
        return []  # it is the finding about Glean itself
    return [Finding(area=AREA, ok=True, message="the client token serves: golden questions are asked")]
