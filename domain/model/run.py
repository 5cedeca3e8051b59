"""TODO describe domain.model.dataset.run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  # the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a saga ended badly: at which step, with which error, and what is still to be undone."""

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

    @property
    def kind(self) -> str:
        """Which saga it is: `provision`, `undo`, `snapshot` or `teardown`, the first part of its id."""
        return self.saga_id.split(":", 1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCompensation:
    """Something that an attempt made and nobody could take back yet. `what` names the saga's step.

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
