"""The settings of the installation that the sagas and rules use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

ConfirmationKind: TypeAlias = Literal["elicitation", "approval"]
"""How a person who is not at a terminal confirms a teardown: in the caller's program, or by an approval request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleSettings:
    """The settings that the sagas and rules use; the defaults are those of the configuration.

    `sandbox_confirmation` depends on how callers reach the process; the default is the stricter kind.
    """

    sync_deadline: timedelta = timedelta(minutes=30)
    stop_deadline: timedelta = timedelta(minutes=5)
    questions_deadline: timedelta = timedelta(minutes=1)
    retention_days: int = 90
    full_data: bool = True
    compression: bool = True
    orphan_grace: timedelta = timedelta(days=7)
    records_per_dataset: int = 10_000_000
    attempts: int = 10
    sandbox_confirmation: ConfirmationKind = "approval"
