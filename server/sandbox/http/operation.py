"""Operations of a dialect, and the request that each receives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from server.sandbox.http.responses import ApiResponse
    from server.sandbox.state.state import SandboxState

DEFAULT_BODY_LIMIT: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """Request as an operation receives it.

    `path` has the named parts of the path, `bearer` the token, `peer` the client's address, and `acting` the person
    whom `X-Glean-ActAs` names.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    bearer: str = ""
    peer: str = ""
    acting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a dialect. `handler` runs in a worker thread and may raise `RefusedError`."""

    name: str
    method: str
    path: str
    handler: Callable[[SandboxState, ApiRequest], ApiResponse]
    body_limit: int = DEFAULT_BODY_LIMIT
