"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

import asyncio
import getpass
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from domain.admission import Provisioning
from domain.claims import Teardowns
from domain.datasets import Datasets
from domain.errors import LifecycleError
from domain.health_check import HealthService
from domain.job import Outside, Policy
from domain.model import Caller
from domain.mark_and_sweep import Orphans
from domain.orphan_facts import SweepCaps
from domain.provisioning import provision
from domain.registry import Registry
from domain.retention import ArchiveKeeper
from domain.running import Sagas
from domain.safety import Limits
from domain.teardown import tear_down
from domain.undoing import undo
from tools.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from domain.ports import Confirmer, Engine, Platform, Saga
    from server.adapters.glean.admin import AdminGlean
    from server.settings import Settings

_log: Final = structlog.get_logger(__name__)
_LOOK_AFTER_S: Final = 5.0
_DAY_S: Final = 86_400


def sagas_of(outside: Outside) -> Mapping[str, Saga]:
    """The sagas by kind, as the engine runs them."""
    return {
        "provision": partial(provision, outside),
        "teardown": partial(tear_down, outside),
        "undo": partial(undo, outside),
    }


def composed(
    outside: Outside,
    engine: Engine,
    confirmer: Confirmer,
    *,
    limits: Limits | None = None,
    caps: SweepCaps | None = None,
) -> Services:
    """The use cases over one set of adapters."""
    sagas = Sagas(outside.store, engine, outside.clock)
    return Services(
        registry=Registry(outside.store, outside.clock),
        provisioning=Provisioning(outside, sagas, limits),
        teardowns=Teardowns(outside, sagas, confirmer),
        health=HealthService(outside.store, outside.platform, outside.clock),
        orphans=Orphans(
            outside.store, outside.clock, grace_days=outside.policy.orphan_grace.total_seconds() / _DAY_S, caps=caps
        ),
        datasets=Datasets(outside),
        archives=ArchiveKeeper(outside.store, outside.archives, outside.clock),
        templates=outside.templates,
        sagas=sagas,
        clock=outside.clock,
    )
