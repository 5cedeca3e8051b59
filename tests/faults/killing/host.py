"""One process of the product, as `server.wiring.running` composes it, that may be told to die."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import anyio

from domain.job import Outside
from server import wiring
from server.adapters.engine.durable import DurableEngine
from server.adapters.system import SystemClock
from server.delivering import Pace
from server.logs import configure
from server.sandbox.sandbox import Sandbox
from server.scheduling import Scheduler
from server.settings import load
from server.wiring import processes
from tests.faults.killing.busy import calm
from tests.faults.killing.death import Death, Point
from tests.faults.killing.indexing_scenes import SCENES
from tests.faults.killing.requests import mortal
from tests.faults.speaking import INDEXING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from domain.ports import Clock, Saga
    from server.settings import Settings
    from tests.faults.killing.orders import Order
    from tools.services import Services

_NEVER_S = 3600.0


@dataclass
class Host:
    """What a scene has at hand in a process: the use cases, the ports behind them, and the engine."""

    folder: Path
    settings: Settings
    services: Services
    outside: Outside
    engine: DurableEngine
    death: Death
    glean: Sandbox

    async def calm(self) -> None:
        """Return when nothing is left to do, on this folder or database."""
        await calm(self.settings, self.outside.store)


def live(order: Order) -> None:
    """Carry the order out."""
    configure()
    settings = load(
        order.environ,
        data_dir=Path(order.folder) / "data",
        config_path=Path(order.config) if order.config else None,
    )
    at = Point(order.kind, order.step) if order.step else None
    death = Death(Path(order.folder) / "diary", at, order.moment)
    if settings.glean.dialect == INDEXING:
        mortal(death, Path(order.folder), order.request, order.moment)
    anyio.run(_lived, order, settings, death)


async def _lived(order: Order, settings: Settings, death: Death) -> None:
    scene = SCENES[order.scene]
    if order.verb != "prepare":
        death.broken.update(scene.broken)
    held = _composed_with(death, scene.past if order.verb == "prepare" else timedelta())
    async with wiring.running(
        settings, sagas=True, serves=bool(settings.events.webhooks), schedules=True
    ) as services:
        glean = Sandbox.open(wiring.sandbox_path(settings))
        host = Host(Path(order.folder), settings, services, held["outside"], held["engine"], death, glean)
        match order.verb:
            case "prepare":
                await scene.prepare(host)
                await host.calm()
            case "act":
                await scene.first(host)
                death.expected = True
                await scene.act(host)
                await host.calm()
            case "finish":
                await host.calm()
            case _:
                (Path(order.folder) / "idle").touch()
                await anyio.sleep_forever()


def _composed_with(death: Death, past: timedelta) -> dict[str, Any]:
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
        async def keep_looking(self, clock: Clock, **_: Any) -> NoReturn:
            await anyio.sleep_forever()
            raise AssertionError("nobody sleeps longer than for ever")

    def outside(**ports: Any) -> Outside:
        made = Outside(**ports)
        held["outside"] = made = replace(made, **death.ports(made))
        return made

    changes: dict[str, Any] = {
        "DurableEngine": Quick,
        "Scheduler": Still,
        "SystemClock": Late,
        "Outside": outside,
        "Pace": partial(Pace, poll_s=0.05, lease_s=1.0),
        "_LOOK_EVERY_S": _NEVER_S,
    }
    for name in ("sagas_of", "turns_of"):
        changes[name] = _mortal(getattr(processes, name), death)
    for name, changed in changes.items():
        assert hasattr(processes, name), name
        setattr(processes, name, changed)
    return held


def _mortal(made: Callable[..., Mapping[str, Saga]], death: Death) -> Callable[..., dict[str, Saga]]:
    def make(*given: object, **named: object) -> dict[str, Saga]:
        return death.sagas(made(*given, **named))

    return make
