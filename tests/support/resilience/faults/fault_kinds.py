"""Every way in which an answer of Glean's can go wrong, and whether asking again may help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from tests.support.resilience.faults.dialect_names import ADMIN, INDEXING
from tests.support.sandbox.faults import Fault

RUDE: Final = "upstream-words-that-must-not-be-repeated"
ECHOES: Final = (RUDE, "Something went wrong")
"""What the emulator says when it fails; none of it may reach a person, a log or a row."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault. `passes`: the client's own tries get over two of them. `timeout_s`: the client's patience."""

    fault: Fault
    passes: bool
    timeout_s: float = 10

    def fault_at(self, operation: str, skip: int, *, lasting: bool) -> Fault:
        """The fault at a call: for ever from it on, or twice."""
        return replace(self.fault, operation=operation, skip=skip, times=None if lasting else 2)


def _status(status: int, **given: object) -> Fault:
    return Fault(kind="status", status=status, message=RUDE, **given)  # type: ignore[arg-type]


_DETAILS: Final = ({"field": "config.baseUrl", "problem": RUDE}, {"field": RUDE, "problem": RUDE})

KINDS: Final[dict[str, FaultKind]] = {
    "401": FaultKind(_status(401), passes=False),
    "403": FaultKind(_status(403, body="html"), passes=False),
    "404": FaultKind(_status(404), passes=False),
    "404-of-a-proxy": FaultKind(_status(404, body="html"), passes=True),
    "409": FaultKind(_status(409), passes=False),
    "422": FaultKind(_status(422, details=_DETAILS), passes=False),
    "429": FaultKind(_status(429), passes=True),
    "429-wait": FaultKind(_status(429, retry_after=1), passes=True),
    "429-wait-too-long": FaultKind(_status(429, retry_after=86_400), passes=False),
    "500": FaultKind(_status(500), passes=True),
    "500-after-the-effect": FaultKind(_status(500, applied=True), passes=True),
    "502": FaultKind(_status(502, body="html"), passes=True),
    "503": FaultKind(_status(503, body="plain"), passes=True),
    "garbage": FaultKind(Fault(kind="garbage", content=f'{{"id": "{RUDE}'.encode()), passes=True),
    "html": FaultKind(Fault(kind="html", content=f"<h1>{RUDE}</h1>".encode()), passes=True),
    "unbounded": FaultKind(Fault(kind="unbounded"), passes=True),
    "drop-before": FaultKind(Fault(kind="drop_before"), passes=True),
    "drop-after": FaultKind(Fault(kind="drop_after"), passes=True),
    "timeout": FaultKind(Fault(kind="timeout"), passes=True, timeout_s=0.25),
    "slow": FaultKind(Fault(kind="slow", seconds=0.02), passes=True),
}


def _plain_text_status(status: int) -> FaultKind:
    return FaultKind(_status(status, body="plain"), passes=False)


KINDS_OF: Final[dict[str, dict[str, FaultKind]]] = {
    ADMIN: KINDS,
    INDEXING: {
        **{name: kind for name, kind in KINDS.items() if name != "404"},
        "400": _plain_text_status(400),
        "403": _plain_text_status(403),
        "409": _plain_text_status(409),
        "413": _plain_text_status(413),
        "422": _plain_text_status(422),
        "429": FaultKind(_status(429, body="plain"), passes=True),
    },
}
"""The Indexing dialect words its errors in plain text, and says 400 where the other says 404."""


def is_indistinguishable(scene: str, operation: str, kind: str) -> bool:
    """Whether what looks like a fault cannot be told from the truth, by anybody.

    "There is no sync of this run", in the API's own words and for as long as it is asked, while there is one: a retry
    then believes that its content is not served yet.
    """
    return (scene, operation, kind) == ("retry", "sync.find", "404")
