"""Clients and their journeys, and rows of the store that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.model.enums import JourneyState, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A customer for whom datasets are made."""

    client_id: str
    name: str
    industry: str
    use_case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A client's way through the stages. Its id is unique within its client.

    `lapsed` is whether the lapse of its lease is on record, where `domain.policy.generations` keeps it; it does not
    identify the journey.
    """

    journey_id: str
    client_id: str
    stage: Stage
    state: JourneyState
    lease_expires_at: datetime | None = None
    lapsed: bool = field(default=False, compare=False)

    def as_of(self, now: datetime) -> Journey:
        """The journey at `now`: a lapsed lease makes an ACTIVE journey EXPIRED."""
        return replace(self, state=JourneyState.EXPIRED) if self.has_lapsed(now) else self

    def has_lapsed(self, now: datetime) -> bool:
        """Whether it is ACTIVE with a lease that has ended."""
        lease = self.lease_expires_at
        return self.state is JourneyState.ACTIVE and lease is not None and lease <= now

    def protects(self, stage: Stage) -> bool:
        """Whether this journey uses datasets of that stage: it is at the stage, ACTIVE or PAUSED."""
        return self.stage is stage and self.state in {JourneyState.ACTIVE, JourneyState.PAUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRow:
    """A row that exists and cannot be decoded. Work that depends on it is refused, or waits."""

    what: str
    why: str
