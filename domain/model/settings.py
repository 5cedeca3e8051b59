"""TODO describe domain.model.dataset.settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleSettings:
    """What an operator may set, of the things that the sagas go by."""

    sync_deadline: timedelta = timedelta(minutes=30)
    stop_deadline: timedelta = timedelta(minutes=5)
    questions_deadline: timedelta = timedelta(minutes=1)
    retention_days: int = 90
    full_data: bool = True
    compression: bool = True
    orphan_grace: timedelta = timedelta(days=7)
    records_per_dataset: int = 10_000_000
    attempts: int = 10
