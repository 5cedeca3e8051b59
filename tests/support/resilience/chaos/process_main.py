"""A process of the product that does what it is told, and dies where the plan has it die.

It is given `port`, where its orders come from, `life`, by which it is known there, `data`, the data folder, `config`,
the configuration file, `moment`, the moment of its death, 0 for none, `later_s`, the seconds by which that comes later,
and `brisk`: then a death is believed in sooner than in production, so that a short run is short. A line that comes in
is a command, one that goes out its answer. It ends well when nothing can come in any more.

A moment is what may come between two effects: before and after each change that a saga or a call makes through a port,
around each step, and around the sending of an event.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import anyio

from domain.errors import LifecycleError
from domain.lifecycle.provision.service import ProvisionRequest
from domain.lifecycle.sagas.context import Dependencies
from domain.model.dataset import Confirmation
from domain.model.enums import DatasetType, JourneyState, Stage, TeardownReason
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from server.adapters import webhooks
from server.adapters.clock import SystemClock
from server.adapters.engine import engine as engine_module
from server.adapters.engine.engine import DurableEngine
from server.adapters.webhooks import HttpCourier
from server.composition import process
from server.composition.process import open_services
from server.composition.use_cases import build_sagas
from server.infra.logging import configure_logging
from server.settings import load_settings
from server.workers.webhook_delivery import DeliveryPace
from tools.edge.call_audit import audit_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from domain.model.approval import ConfirmationRequest
    from domain.model.dataset import Dataset
    from domain.ports.engine import Json, Saga, StepRunner
    from tools.services import Services

_SOON_S: Final = 1.0
_LEASE_S: Final = 3.0
KIM: Final = Principal(subject="person:kim")
EFFECTS: Final[Mapping[str, Collection[str]]] = {
    "store": {"transact"},
    "staging": {"write", "delete"},
    "archives": {"write", "purge"},
    "platform": {
        "ensure",
        "authorise",
        "push",
        "start_sync",
        "stop_sync",
        "discard_run",
        "delete_datasource",
    },
}


@dataclass
class CrashTrigger:
    """Waits for its moment, and may take its time then; without a moment it never comes."""

    left: int
    later_s: float = 0.0

    def pass_moment(self) -> None:
        """A moment."""
        self.left -= 1
        if self.left == 0 and self.later_s:
            threading.Timer(self.later_s, self._crash).start()
        elif self.left == 0:
            self._crash()

    def _crash(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class CrashingPort:
    """A port whose effects are moments."""

    def __init__(self, port: object, effects: Collection[str], death: CrashTrigger) -> None:
        assert all(hasattr(port, each) for each in effects), effects
        self._port = port
        self._effects = effects
        self._death = death

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        found = getattr(self._port, name)
        if name not in self._effects:
            return found

        async def between(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - the same
            self._death.pass_moment()
            answer = await found(*given, **named)
            self._death.pass_moment()
            return answer

        return between


def install_crash_points(death: CrashTrigger) -> ExitStack:
    """Have the wiring compose what has its moments."""

    def deps(**ports: Any) -> Dependencies:
        given: dict[str, Any] = {
            name: CrashingPort(port, EFFECTS[name], death) if name in EFFECTS else port
            for name, port in ports.items()
        }
        return Dependencies(**given)

    def sagas(*given: Any, **named: Any) -> Mapping[str, Saga]:
        return {
            kind: partial(_run_with_crash_points, death, saga)
            for kind, saga in build_sagas(*given, **named).items()
        }

    @asynccontextmanager
    async def open_courier(*given: Any, **named: Any) -> AsyncIterator[CrashingPort]:
        async with HttpCourier(*given, **named) as found:
            yield CrashingPort(found, {"send"}, death)

    with ExitStack() as patches:
        patches.enter_context(patch.object(process, "Dependencies", deps))
        patches.enter_context(patch.object(process, "build_sagas", sagas))
        patches.enter_context(patch.object(webhooks, "HttpCourier", open_courier))
        return patches.pop_all()


class FastAdoptionEngine(DurableEngine):
    """Believes in the death of another process sooner."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, dead_after_s=_SOON_S, **named)


def install_short_intervals() -> ExitStack:
    """Have the wiring compose what waits for less time."""
    with ExitStack() as patches:
        patches.enter_context(patch.object(engine_module, "DurableEngine", FastAdoptionEngine))
        patches.enter_context(patch.object(process, "DeliveryPace", partial(DeliveryPace, lease_s=_LEASE_S)))
        return patches.pop_all()


async def _run_with_crash_points(
    death: CrashTrigger, saga: Saga, perform: StepRunner, dataset_id: str, saga_id: str
) -> None:
    async def perform_step(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        async def between() -> Json:
            death.pass_moment()
            answer = await effect()
            death.pass_moment()
            return answer

        answer = await perform(step, between)
        death.pass_moment()
        return answer

    await saga(perform_step, dataset_id, saga_id)


class AcceptingConfirmer:
    """A person who types whatever name they are shown."""

    async def ask(self, question: ConfirmationRequest) -> Confirmation | None:
        return Confirmation(
            how="typed_name",
            by=question.requester,
            at=SystemClock().now(),
            dataset_id=question.dataset.dataset_id,
            generation=question.generation,
            reason=question.reason,
            requester=question.requester,
            concession=question.concession,
        )


async def provision(services: Services, principal: Principal, given: Json) -> Json:
    """Make a dataset, make it again, or attach."""
    request = ProvisionRequest(
        client_id=given["client_id"],
        journey_id=given["journey_id"],
        stage=Stage.SANDBOX,
        dataset_type=DatasetType(given["dataset_type"]),
        retry=given.get("retry", False),
    )
    begun = await services.provisioning.start_or_attach(request, principal)
    return _dataset_answer((await services.provisioning.wait(begun, given["wait_s"])).dataset)


async def restore(services: Services, principal: Principal, given: Json) -> Json:
    """Make a dataset of an archive, or attach."""
    begun = await services.restores.start_or_attach(given["dataset_id"], given["journey_id"], principal)
    return _dataset_answer((await services.provisioning.wait(begun, given["wait_s"])).dataset)


async def teardown(services: Services, principal: Principal, given: Json) -> Json:
    """Take a dataset down, go on with it, or attach."""
    begun = await services.teardowns.start_or_attach(
        given["dataset_id"], TeardownReason(given["reason"]), principal, AcceptingConfirmer()
    )
    return _dataset_answer((await services.teardowns.wait(begun, given["wait_s"])).dataset)


async def cancel(services: Services, principal: Principal, given: Json) -> Json:
    """Ask a saga to stop."""
    return _dataset_answer(await services.sagas.cancel(given["dataset_id"], principal))


async def unprotect(services: Services, principal: Principal, given: Json) -> Json:
    """End the protection that a restored dataset comes with."""
    await services.leases.unprotect_dataset(given["dataset_id"], principal, person=True)
    return {}


async def journey(services: Services, principal: Principal, given: Json) -> Json:
    """Move a journey."""
    state = JourneyState(given["state"])
    await services.registry.set_state(given["journey_id"], state, principal, client_id=given["client_id"])
    return {}


async def add_client(services: Services, principal: Principal, given: Json) -> Json:
    """A client comes, with its active journeys."""
    client_id = given["client_id"]
    client = Client(
        client_id=client_id, name=client_id, industry="fintech", use_case="developer_productivity"
    )
    await services.registry.add_client(client, principal)
    for each in given["journeys"]:
        made = Journey(journey_id=each, client_id=client_id, stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
        await services.registry.add_journey(made, principal)
    return {}


VERBS: Final[Mapping[str, Callable[[Services, Principal, Json], Awaitable[Json]]]] = {
    each.__name__: each for each in (provision, restore, teardown, cancel, unprotect, journey, add_client)
}


def _dataset_answer(dataset: Dataset) -> Json:
    return {
        "dataset_id": dataset.dataset_id,
        "status": dataset.status.value,
        "running": dataset.run is not None,
        "content": dataset.content is not None,
    }


async def run_command(services: Services, verb: str, given: Json) -> Json:
    """Do one command, on record; what comes of it, or the refusal."""
    principal = services.calls.begin(KIM, verb, "chaos", given)
    try:
        async with audit_call(services.calls, principal):
            return await VERBS[verb](services, principal, given)
    except LifecycleError as error:
        return {"refused": error.as_dict()}


async def main(given: Json) -> None:
    """Live, until the orders end."""
    settings = load_settings(os.environ, Path(given["config"]), Path(given["data"]))
    lines, answers = await asyncio.open_connection("127.0.0.1", given["port"])

    def say(told: Json) -> None:
        answers.write(json.dumps(told).encode() + b"\n")

    async def answer(line: bytes) -> None:
        asked = json.loads(line)
        number, verb = asked.pop("number"), asked.pop("verb")
        say({"number": number, **await run_command(services, verb, asked)})

    say({"life": given["life"]})
    async with open_services(settings, sagas=True, serves=True, schedules=True) as services:
        say({"number": 0})
        async with anyio.create_task_group() as tasks:
            async for line in lines:
                tasks.start_soon(answer, line)
    answers.close()


def run_life(given: Json) -> None:
    """Live once."""
    configure_logging()
    with (
        install_crash_points(CrashTrigger(given["moment"], given["later_s"])),
        install_short_intervals() if given["brisk"] else nullcontext(),
    ):
        anyio.run(main, given)
