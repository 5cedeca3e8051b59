"""Sagas that nobody will finish: what is known of one, as the engine tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A saga that is left alone: in `step`, not finished, so many processes died one after another.

    `done` are the steps that it has finished, in order. Without a step it is one that ended so often, and never told
    how.
    """

    saga_id: str
    step: str
    attempts: int
    done: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Which saga it is: the first part of its id."""
        return self.saga_id.partition(":")[0]

    @property
    def dataset_id(self) -> str:
        """The dataset that it works on, or worked on: the second part of its id."""
        return self.saga_id.partition(":")[2].partition(":")[0]
