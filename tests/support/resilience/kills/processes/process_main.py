"""One process of the product, as `server.composition.open_services` composes it, that may be told to die."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import anyio

from domain.lifecycle.sagas.context import Dependencies
from server.adapters.clock import SystemClock
from server.adapters.engine import engine as engine_module
from server.adapters.engine.engine import DurableEngine
from server.composition import process
from server.composition.glean.platform import sandbox_path
from server.composition.process import open_services
from server.infra.logging import configure_logging
from server.settings import load_settings
from server.workers.saga_recovery import resume_sagas_in_background
from server.workers.scheduler import Scheduler
from server.workers.webhook_delivery import DeliveryPace
from tests.support.resilience.faults.dialect_names import INDEXING
from tests.support.resilience.kills.processes.crash_points import CrashPoint, CrashTrigger
from tests.support.resilience.kills.processes.idle import wait_until_idle
from tests.support.resilience.kills.processes.request_crashes import install_request_crash
from tests.support.resilience.kills.scenarios.indexing_scenarios import SCENARIOS
from tests.support.sandbox.control import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.ports.clock import Clock
    from domain.ports.engine import Saga
    from server.settings import Settings
    from tests.support.resilience.kills.processes.orders import ProcessOrder
    from tools.services import Services

_NEVER_S = 3600.0


@dataclass
class ScenarioHost:
    """What a scene has at hand in a process: the use cases, the ports behind them, and the engine."""

    folder: Path
    settings: Settings
    services: Services
    deps: Dependencies
    engine: DurableEngine
    death: CrashTrigger
    glean: Sandbox

    async def wait_until_idle(self) -> None:
        """Return when nothing is left to do, on this folder or database."""
        await wait_until_idle(self.settings, self.deps.store)


def run_order(order: ProcessOrder) -> None:
    """Carry the order out."""
    configure_logging()
    settings = load_settings(
        order.environ,
        data_dir=Path(order.folder) / "data",
        config_path=Path(order.config) if order.config else None,
    )
    at = CrashPoint(order.kind, order.step) if order.step else None
    death = CrashTrigger(Path(order.folder) / "diary", at, order.moment)
    if settings.glean.dialect == INDEXING:
        install_request_crash(death, Path(order.folder), order.request, order.moment)
    anyio.run(_run_scenario, order, settings, death)


async def _run_scenario(order: ProcessOrder, settings: Settings, death: CrashTrigger) -> None:
    scene = SCENARIOS[order.scene]
    if order.verb != "prepare":
        for port, name in scene.broken:
            death.break_methods(port, name)
    held = _install_crash_points(death, scene.past if order.verb == "prepare" else timedelta())
    async with open_services(
        settings, sagas=True, serves=bool(settings.events.webhooks), schedules=True
    ) as services:
        glean = Sandbox.open(sandbox_path(settings))
        host = ScenarioHost(
            Path(order.folder), settings, services, held["outside"], held["engine"], death, glean
        )
        match order.verb:
            case "prepare":
                await scene.prepare(host)
                await host.wait_until_idle()
            case "act":
                await scene.first(host)
                death.expected = True
                await scene.act(host)
                await host.wait_until_idle()
            case "finish":
                await host.wait_until_idle()
            case _:
                (Path(order.folder) / "idle").touch()
                await anyio.sleep_forever()


def _install_crash_points(death: CrashTrigger, past: timedelta) -> dict[str, Any]:
    """Have the composition root make its sagas and ports mortal, and look for the dead more often than it does."""
    held: dict[str, Any] = {}

    class Quick(DurableEngine):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named, watch_s=0.15, dead_after_s=0.3)
            held["engine"] = self

    class Late(SystemClock):
        def now(self) -> datetime:
            return super().now() - past

    class Still(Scheduler):
        async def run_forever(self, clock: Clock, **_: Any) -> NoReturn:
            await anyio.sleep_forever()
            raise AssertionError("nobody sleeps longer than for ever")

    def deps(**ports: Any) -> Dependencies:
        made = Dependencies(**ports)
        held["outside"] = made = replace(made, **death.wrap_ports(made))
        return made

    changes: dict[str, Any] = {
        "Scheduler": Still,
        "SystemClock": Late,
        "Dependencies": deps,
        "DeliveryPace": partial(DeliveryPace, poll_s=0.05, lease_s=1.0),
        "resume_sagas_in_background": partial(resume_sagas_in_background, every_s=_NEVER_S),
    }
    for name in ("build_sagas", "build_schedule_sagas"):
        changes[name] = _wrap_factory(getattr(process, name), death)
    for name, changed in changes.items():
        assert hasattr(process, name), name
        setattr(process, name, changed)
    vars(engine_module)["DurableEngine"] = Quick  # imported by the composition root when it builds one
    return held


def _wrap_factory(
    made: Callable[..., Mapping[str, Saga]], death: CrashTrigger
) -> Callable[..., dict[str, Saga]]:
    def make(*given: object, **named: object) -> dict[str, Saga]:
        return death.wrap_sagas(made(*given, **named))

    return make
