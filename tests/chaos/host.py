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

from domain.admission import ProvisionRequest
from domain.callers import Caller
from domain.errors import LifecycleError
from domain.job import Outside
from domain.model import Client, Confirmation, Journey
from domain.vocabulary import DatasetType, JourneyState, Stage, TeardownReason
from server.adapters.engine.durable import DurableEngine
from server.adapters.system import SystemClock
from server.adapters.webhooks import HttpCourier
from server.delivering import Pace
from server.logs import configure
from server.settings import load
from server.wiring import processes, running, sagas_of
from tools.recording import on_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from domain.model import Dataset
    from domain.ports import Json, Perform, Saga
    from domain.requests import Question
    from tools.services import Services

_SOON_S: Final = 1.0
_LEASE_S: Final = 3.0
KIM: Final = Caller(subject="person:kim")
EFFECTS: Final[Mapping[str, Collection[str]]] = {
    "store": {"transact"},
    "staging": {"write", "remove"},
    "archives": {"write", "purge"},
    "platform": {"ensure", "authorise", "push", "sync", "stop", "discard", "remove"},
}


@dataclass
class Death:
    """Waits for its moment, and may take its time then; without a moment it never comes."""

    left: int
    later_s: float = 0.0

    def passes(self) -> None:
        """A moment."""
        self.left -= 1
        if self.left == 0 and self.later_s:
            threading.Timer(self.later_s, self._strike).start()
        elif self.left == 0:
            self._strike()

    def _strike(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """A port whose effects are moments."""

    def __init__(self, port: object, effects: Collection[str], death: Death) -> None:
        self._port = port
        self._effects = effects
        self._death = death

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        found = getattr(self._port, name)
        if name not in self._effects:
            return found

        async def between(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - the same
            self._death.passes()
            answer = await found(*given, **named)
            self._death.passes()
            return answer

        return between


def mortal(death: Death) -> ExitStack:
    """Have the wiring compose what has its moments."""

    def outside(**ports: Any) -> Outside:
        given: dict[str, Any] = {
            name: Mortal(port, EFFECTS[name], death) if name in EFFECTS else port
            for name, port in ports.items()
        }
        return Outside(**given)

    def sagas(*given: Any, **named: Any) -> Mapping[str, Saga]:
        return {kind: partial(_stepwise, death, saga) for kind, saga in sagas_of(*given, **named).items()}

    @asynccontextmanager
    async def carrying(*given: Any, **named: Any) -> AsyncIterator[Mortal]:
        async with HttpCourier(*given, **named) as found:
            yield Mortal(found, {"send"}, death)

    with ExitStack() as patches:
        patches.enter_context(patch.object(processes, "Outside", outside))
        patches.enter_context(patch.object(processes, "sagas_of", sagas))
        patches.enter_context(patch.object(processes, "HttpCourier", carrying))
        return patches.pop_all()


class Quick(DurableEngine):
    """Believes in the death of another process sooner."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, dead_after_s=_SOON_S, **named)


def brisk() -> ExitStack:
    """Have the wiring compose what waits for less time."""
    with ExitStack() as patches:
        patches.enter_context(patch.object(processes, "DurableEngine", Quick))
        patches.enter_context(patch.object(processes, "Pace", partial(Pace, lease_s=_LEASE_S)))
        return patches.pop_all()


async def _stepwise(death: Death, saga: Saga, perform: Perform, dataset_id: str, saga_id: str) -> None:
    async def performed(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        async def between() -> Json:
            death.passes()
            answer = await effect()
            death.passes()
            return answer

        answer = await perform(step, between)
        death.passes()
        return answer

    await saga(performed, dataset_id, saga_id)


class Nodding:
    """A person who types whatever name they are shown."""

    async def ask(self, question: Question) -> Confirmation | None:
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


async def provision(services: Services, caller: Caller, given: Json) -> Json:
    """Make a dataset, make it again, or attach."""
    request = ProvisionRequest(
        client_id=given["client_id"],
        journey_id=given["journey_id"],
        stage=Stage.SANDBOX,
        dataset_type=DatasetType(given["dataset_type"]),
        retry=given.get("retry", False),
    )
    begun = await services.provisioning.start_or_attach(request, caller)
    return _told((await services.provisioning.wait(begun, given["wait_s"])).dataset)


async def restore(services: Services, caller: Caller, given: Json) -> Json:
    """Make a dataset of an archive, or attach."""
    begun = await services.restoring.start(given["dataset_id"], given["journey_id"], caller)
    return _told((await services.provisioning.wait(begun, given["wait_s"])).dataset)


async def teardown(services: Services, caller: Caller, given: Json) -> Json:
    """Take a dataset down, go on with it, or attach."""
    begun = await services.teardowns.start_or_attach(
        given["dataset_id"], TeardownReason(given["reason"]), caller, Nodding()
    )
    return _told((await services.teardowns.wait(begun, given["wait_s"])).dataset)


async def cancel(services: Services, caller: Caller, given: Json) -> Json:
    """Ask a saga to stop."""
    return _told(await services.sagas.cancel(given["dataset_id"], caller))


async def unprotect(services: Services, caller: Caller, given: Json) -> Json:
    """End the protection that a restored dataset comes with."""
    await services.keeping.unprotect(given["dataset_id"], caller, person=True)
    return {}


async def journey(services: Services, caller: Caller, given: Json) -> Json:
    """Move a journey."""
    state = JourneyState(given["state"])
    await services.registry.set_state(given["journey_id"], state, caller, client_id=given["client_id"])
    return {}


async def arrive(services: Services, caller: Caller, given: Json) -> Json:
    """A client comes, with its active journeys."""
    client_id = given["client_id"]
    client = Client(
        client_id=client_id, name=client_id, industry="fintech", use_case="developer_productivity"
    )
    await services.registry.add_client(client, caller)
    for each in given["journeys"]:
        made = Journey(journey_id=each, client_id=client_id, stage=Stage.SANDBOX, state=JourneyState.ACTIVE)
        await services.registry.add_journey(made, caller)
    return {}


VERBS: Final[Mapping[str, Callable[[Services, Caller, Json], Awaitable[Json]]]] = {
    each.__name__: each for each in (provision, restore, teardown, cancel, unprotect, journey, arrive)
}


def _told(dataset: Dataset) -> Json:
    return {
        "dataset_id": dataset.dataset_id,
        "status": dataset.status.value,
        "running": dataset.run is not None,
        "content": dataset.content is not None,
    }


async def done(services: Services, verb: str, given: Json) -> Json:
    """Do one command, on record; what comes of it, or the refusal."""
    caller = services.calls.begin(KIM, verb, "chaos", given)
    try:
        async with on_record(services.calls, caller):
            return await VERBS[verb](services, caller, given)
    except LifecycleError as error:
        return {"refused": error.as_dict()}


async def main(given: Json) -> None:
    """Live, until the orders end."""
    settings = load(os.environ, Path(given["config"]), Path(given["data"]))
    lines, answers = await asyncio.open_connection("127.0.0.1", given["port"])

    def say(told: Json) -> None:
        answers.write(json.dumps(told).encode() + b"\n")

    async def answer(line: bytes) -> None:
        asked = json.loads(line)
        number, verb = asked.pop("number"), asked.pop("verb")
        say({"number": number, **await done(services, verb, asked)})

    say({"life": given["life"]})
    async with running(settings, sagas=True, serves=True, schedules=True) as services:
        say({"number": 0})
        async with anyio.create_task_group() as tasks:
            async for line in lines:
                tasks.start_soon(answer, line)
    answers.close()


def live(given: Json) -> None:
    """Live once."""
    configure()
    with mortal(Death(given["moment"], given["later_s"])), brisk() if given["brisk"] else nullcontext():
        anyio.run(main, given)
