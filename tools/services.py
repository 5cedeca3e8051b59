"""What a tool may use: the use cases, and nothing behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.admission import Provisioning
    from domain.claims import Teardowns
    from domain.datasets import Datasets
    from domain.health_check import HealthService
    from domain.mark_and_sweep import Orphans
    from domain.ports import Clock, Templates
    from domain.registry import Registry
    from domain.retention import ArchiveKeeper
    from domain.running import Sagas


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases, composed over one set of adapters."""

    registry: Registry
    provisioning: Provisioning
    teardowns: Teardowns
    health: HealthService
    orphans: Orphans
    datasets: Datasets
    archives: ArchiveKeeper
    templates: Templates
    sagas: Sagas
    clock: Clock
