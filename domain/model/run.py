"""Runs: the saga that works on a dataset, its progress, and the failure it may end with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.model.clock import ClockReading
from domain.model.enums import DatasetStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaId:
    """Saga id: `{kind}:{dataset_id}:{number}`, with `~{restart}` after the first start.

    `number` tells the sagas of a kind on one dataset apart: an attempt, a count, or a random token. `restart` counts
    the starts of this saga, from 1.
    """

    kind: str
    dataset_id: str
    number: str
    restart: int = 1

    @classmethod
    def parse(cls, text: str) -> SagaId:
        """Parse a saga id. Missing parts are empty: some sagas belong to no dataset."""
        name, _, restart = text.partition("~")
        kind, _, rest = name.partition(":")
        dataset_id, _, number = rest.partition(":")
        return cls(kind=kind, dataset_id=dataset_id, number=number, restart=int(restart or 1))

    def restarted(self) -> SagaId:
        """The id for the next start of this saga."""
        return replace(self, restart=self.restart + 1)

    def __str__(self) -> str:
        suffix = f"~{self.restart}" if self.restart > 1 else ""
        return f"{self.kind}:{self.dataset_id}:{self.number}{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Failure: at which step a saga failed, with which error, and what is still to be compensated.

    `field` is the argument that would have to change, where the error names one.
    """

    step: str
    code: str
    message: str
    recovery: str
    suggested_action: str
    at: datetime
    attempt: int
    to_undo: tuple[str, ...] = ()
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncWait:
    """Sync wait: since when a saga waits for the sync of a pushed run, so that its deadline outlives a process."""

    run: str
    since: ClockReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Run: the saga that works on a dataset now, and the sync that it waits for.

    `former_status` is that of the dataset before it was refreshed, None for any other work.
    """

    saga_id: str
    started_at: datetime
    cancel_requested: bool = False
    sync_wait: SyncWait | None = None
    former_status: DatasetStatus | None = None

    @classmethod
    def start(cls, kind: str, dataset_id: str, number: object, now: datetime) -> Run:
        """The run of a saga at its first start."""
        return cls(saga_id=str(SagaId(kind=kind, dataset_id=dataset_id, number=str(number))), started_at=now)

    @property
    def id(self) -> SagaId:
        """The saga's id in its parts."""
        return SagaId.parse(self.saga_id)

    @property
    def kind(self) -> str:
        """The kind of the saga: `provision`, `undo`, `snapshot` or `teardown`."""
        return self.id.kind

    @property
    def is_refresh(self) -> bool:
        """Whether it is the attempt of a refresh."""
        return self.former_status is not None

    @property
    def work(self) -> str:
        """What it does, in a word for people: the kind of its saga, or `refresh`."""
        return "refresh" if self.is_refresh else self.kind

    def restarted(self) -> Run:
        """The run for the next start of the same saga."""
        return replace(self, saga_id=str(self.id.restarted()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCompensation:
    """Pending compensation: a step of a saga that is still to be reversed. `what` names the step.

    `tried` is when it failed last; None in rows of a former release. A `stopped` compensation is no longer tried,
    because too many processes died in it: the dataset's retry or teardown takes care of it.
    """

    dataset_id: str
    attempt: int
    what: str
    cause: str
    since: datetime
    tries: int = 1
    stopped: bool = False
    tried: ClockReading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a running saga: the step, `done` of `total` records (None: not known), and a sentence.

    `saga_id` names the saga. Progress that an earlier saga of the dataset reported is stale, and is not used.
    """

    step: str
    done: int = 0
    total: int | None = None
    message: str = ""
    saga_id: str = ""
