"""Run: the saga that works on a dataset, what it says of its progress, and how it may end badly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaId:
    """The id of a saga: `{kind}:{dataset_id}:{number}`, with `~{restart}` for each time it was begun anew.

    `number` tells apart the sagas of a kind on one dataset: an attempt, a count, or a random token. `restart` is 1 for
    the first time that it was begun.
    """

    kind: str
    dataset_id: str
    number: str
    restart: int = 1

    @classmethod
    def parse(cls, text: str) -> SagaId:
        """The id that is written so; what is missing is empty, for sagas that belong to no dataset."""
        name, _, restart = text.partition("~")
        kind, _, rest = name.partition(":")
        dataset_id, _, number = rest.partition(":")
        return cls(kind=kind, dataset_id=dataset_id, number=number, restart=int(restart or 1))

    def restarted(self) -> SagaId:
        """The id under which this saga is begun once more."""
        return replace(self, restart=self.restart + 1)

    def __str__(self) -> str:
        suffix = f"~{self.restart}" if self.restart > 1 else ""
        return f"{self.kind}:{self.dataset_id}:{self.number}{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a saga ended badly: at which step, with which error, and what is still to be compensated."""

    step: str
    code: str
    message: str
    recovery: str
    suggested_action: str
    at: datetime
    attempt: int
    to_undo: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The saga that works on a dataset now."""

    saga_id: str
    started_at: datetime
    cancel_requested: bool = False

    @classmethod
    def start(cls, kind: str, dataset_id: str, number: object, now: datetime) -> Run:
        """The run of a saga that is begun for the first time."""
        return cls(saga_id=str(SagaId(kind=kind, dataset_id=dataset_id, number=str(number))), started_at=now)

    @property
    def id(self) -> SagaId:
        """The saga's id in its parts."""
        return SagaId.parse(self.saga_id)

    @property
    def kind(self) -> str:
        """Which saga it is: `provision`, `undo`, `snapshot` or `teardown`."""
        return self.id.kind

    def restarted(self) -> Run:
        """The run of the same saga, begun once more."""
        return replace(self, saga_id=str(self.id.restarted()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCompensation:
    """A compensation that could not be carried out yet. `what` names the saga's step that it takes back.

    One that is `stopped` ended too many processes: it is left to the dataset's retry or teardown.
    """

    dataset_id: str
    attempt: int
    what: str
    cause: str
    since: datetime
    tries: int = 1
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running saga has come: the step, `done` of `total` records (total None: unknown), a sentence.

    `saga_id` tells whose progress it is: what an earlier saga of the dataset said last is nobody's.
    """

    step: str
    done: int = 0
    total: int | None = None
    message: str = ""
    saga_id: str = ""
