"""The scripted fault plan, kept in the sandbox's file so that one process can script the faults of another's.

Transport faults happen to a request; world faults are states that the sandbox gets into. The first fault that matches
takes the request; those after it do not see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from tests.support.sandbox.operations import OPERATIONS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from server.sandbox.state.database import Database

TransportFaultKind: TypeAlias = Literal[
    "status", "garbage", "html", "unbounded", "drop_before", "drop_after", "timeout", "slow"
]
StateFaultKind: TypeAlias = Literal["sync_hangs", "sync_loses", "sync_fails", "unhealthy"]
STATE_FAULT_KINDS: Final = frozenset({"sync_hangs", "sync_loses", "sync_fails", "unhealthy"})
_EFFECTIVE_KINDS: Final = frozenset({"garbage", "html", "unbounded", "drop_after", "slow"})


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the plan. Fields beyond the first five are parameters of some kinds only.

    Attributes:
        kind: what happens.
            `status`: an error answer. `garbage`: 200 with broken JSON. `html`: 200 with a web page. `unbounded`: 200
            with a body of `size` bytes, or one that never ends. `drop_before`, `drop_after`: the connection is closed
            without an answer, before or after the effect. `timeout`: no answer until the client gives up. `slow`: the
            answer comes `seconds` late.
            `sync_hangs`: the next new job never ends. `sync_loses`: it indexes `documents` fewer. `sync_fails`: it ends
            FAILED with `message`. `unhealthy`: health says UNHEALTHY with `message` from then on, until the
            plan is cleared, whatever `times` is; `skip` counts looks at the health.
        operation: the operation's name, `*` for any; world faults have their own moment and ignore it.
        skip: how many matching requests pass first.
        times: how many it takes then; None for all.
        datasource: only requests about the datasource of this name.
        status: the status of `status`.
        retry_after: the `Retry-After` of `status`: seconds, an HTTP date, anything.
        body: the body of `status`: in the API's shape, a web page, plain text, nothing.
        content: sent as it stands in place of `body`.
        details: fields named in an API-shaped body, as `{"field", "problem"}`.
        applied: whether the effect of the request takes place all the same; None for what is usual for the kind:
            yes where the client is told 200, or dropped after the effect, else no.
    """

    kind: TransportFaultKind | StateFaultKind
    operation: str = "*"
    skip: int = 0
    times: int | None = 1
    datasource: str | None = None
    status: int = 503
    retry_after: int | str | None = None
    body: Literal["api", "html", "plain", "empty"] = "api"
    content: bytes | None = None
    details: tuple[dict[str, str], ...] = ()
    message: str = "scripted fault"
    seconds: float = 1.0
    size: int | None = None
    documents: int = 1
    applied: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what could never fire."""
        if self.operation != "*" and self.operation not in OPERATIONS:
            raise ValueError(f"operation {self.operation!r} is none of {', '.join(sorted(OPERATIONS))}")
        if self.skip < 0 or (self.times is not None and self.times < 1):
            raise ValueError("skip must be 0 or more, times 1 or more (None for ever)")

    @property
    def takes_effect(self) -> bool:
        """Whether the request is carried out before the client is misled."""
        return self.kind in _EFFECTIVE_KINDS if self.applied is None else self.applied

    @property
    def answered_status(self) -> int | None:
        """The status that the client gets: 0 for none, None for the true one."""
        match self.kind:
            case "status":
                return self.status
            case "garbage" | "html" | "unbounded":
                return 200
            case "drop_before" | "drop_after" | "timeout":
                return 0
            case _:
                return None


class PlannedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as the plan stands now."""

    id: int
    fault: Fault
    skip_left: int
    times_left: int | None
    fired: int


class FaultPlan:
    """The scripted faults of a sandbox, shared by every process on its file."""

    def __init__(self, database: Database) -> None:
        """Script what happens in `database`'s sandbox."""
        self._database = database

    def add(self, fault: Fault) -> int:
        """Put a fault at the end of the plan; answers its id."""
        with self._database.write() as connection:
            return add_fault(connection, fault)

    def clear(self) -> None:
        """Nothing goes wrong any more; a job that hangs already goes on hanging."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM fault")

    def mend(self) -> None:
        """Nothing goes wrong any more, and a job that hangs comes to its end, unless a later one has replaced it."""
        self.clear()
        with self._database.write() as connection:
            connection.execute(
                "UPDATE job SET hangs = 0 WHERE row IN (SELECT max(row) FROM job GROUP BY datasource_row)"
            )

    def entries(self) -> list[PlannedFault]:
        """The plan in its order, with how often each has fired; spent faults too."""
        with self._database.read() as connection:
            return load_planned_faults(connection)

    def fired_count(self) -> int:
        """How often any fault of the plan has fired."""
        return sum(entry.fired for entry in self.entries())


def add_fault(connection: sqlite3.Connection, fault: Fault) -> int:
    """Put a fault at the end of the plan; answers its id."""
    cursor = connection.execute(
        "INSERT INTO fault (plan, skip_left, times_left) VALUES (?, ?, ?)",
        (msgspec.json.encode(fault), fault.skip, None if fault.kind == "unhealthy" else fault.times),
    )
    return int(cursor.lastrowid or 0)


def load_planned_faults(connection: sqlite3.Connection) -> list[PlannedFault]:
    """The whole plan in its order, spent faults too."""
    return [
        PlannedFault(
            id=row["row"],
            fault=msgspec.json.decode(row["plan"], type=Fault),
            skip_left=row["skip_left"],
            times_left=row["times_left"],
            fired=row["fired"],
        )
        for row in connection.execute("SELECT * FROM fault ORDER BY row")
    ]


def has_pending_fault(connection: sqlite3.Connection) -> bool:
    """Whether anything at all is still to happen; cheap, asked at every request."""
    live = "SELECT 1 FROM fault WHERE times_left IS NULL OR times_left > 0 LIMIT 1"
    return connection.execute(live).fetchone() is not None


def take_transport_fault(
    connection: sqlite3.Connection, operation: str, datasource: str | None
) -> Fault | None:
    """The fault that happens to this request, now spent by one."""
    return _take_fault(
        connection,
        lambda fault: (
            fault.kind not in STATE_FAULT_KINDS
            and fault.operation in ("*", operation)
            and _is_about(fault, datasource)
        ),
    )


def take_sync_fault(connection: sqlite3.Connection, datasource: str) -> Fault | None:
    """What goes wrong with the job that starts now."""
    return _take_fault(
        connection, lambda fault: fault.kind.startswith("sync_") and _is_about(fault, datasource)
    )


def take_unhealthy_fault(connection: sqlite3.Connection, datasource: str) -> Fault | None:
    """Why this look at the health of a datasource finds it unhealthy."""
    return _take_fault(connection, lambda fault: fault.kind == "unhealthy" and _is_about(fault, datasource))


def has_unhealthy_fault(connection: sqlite3.Connection, datasource: str) -> bool:
    """Whether a look at its health would find it unhealthy; spends nothing."""
    return any(
        entry.fault.kind == "unhealthy" and not entry.skip_left and entry.times_left != 0
        for entry in load_planned_faults(connection)
        if _is_about(entry.fault, datasource)
    )


def _is_about(fault: Fault, datasource: str | None) -> bool:
    return fault.datasource is None or (
        datasource is not None and fault.datasource.casefold() == datasource.casefold()
    )


def _take_fault(connection: sqlite3.Connection, matches: Callable[[Fault], bool]) -> Fault | None:
    for entry in load_planned_faults(connection):
        if entry.times_left == 0 or not matches(entry.fault):
            continue
        if entry.skip_left:
            connection.execute("UPDATE fault SET skip_left = skip_left - 1 WHERE row = ?", (entry.id,))
            continue
        connection.execute(
            "UPDATE fault SET times_left = times_left - 1, fired = fired + 1 WHERE row = ?", (entry.id,)
        )
        return entry.fault
    return None
