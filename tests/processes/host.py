"""A process of the product on one data folder, for tests to start and to see die: `host.py DATA_DIR VERB [STEP]`.

`provision` and `teardown` begin that saga and wait for its end, `idle` only runs what others left. With STEP the
process kills itself inside that step of its saga: after the step's first effect on staging, archive or Glean, or at its
end when it has none; in any case before the engine has recorded it.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import anyio

from domain import provisioning, teardown
from domain.model import JourneyState, TeardownReason
from domain.records import DatasetQuery
from server.logs import configure
from server.settings import load
from server.wiring import running
from tests.processes.folder import KIM, WISH, request

if TYPE_CHECKING:
    from domain.job import Job
    from domain.saga import Step

SAGAS = {"provision": (provisioning, "PROVISION"), "teardown": (teardown, "TEARDOWN")}
EFFECTS = {
    "staging": {"write", "remove"},
    "archives": {"write"},
    "platform": {"ensure", "authorise", "push", "sync", "stop", "discard", "remove"},
}


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives SIGKILL")


class Deadly:
    """A port whose first effect is its process's last."""

    def __init__(self, port: object, effects: set[str]) -> None:
        self._port = port
        self._effects = effects

    def __getattr__(self, name: str) -> object:
        found = getattr(self._port, name)
        if name not in self._effects:
            return found

        async def last(*given: Any, **named: Any) -> NoReturn:
            await found(*given, **named)
            die()

        return last


def deadly(step: Step[Job]) -> Step[Job]:
    async def do(job: Job) -> None:
        ports: dict[str, Any] = {
            name: Deadly(getattr(job.outside, name), effects) for name, effects in EFFECTS.items()
        }
        await step.do(replace(job, outside=replace(job.outside, **ports)))
        die()

    return replace(step, do=do)


async def main(data_dir: str, verb: str, last: str = "") -> None:
    if last:
        module, name = SAGAS[verb]
        steps: tuple[Step[Job], ...] = getattr(module, name)
        setattr(module, name, tuple(deadly(each) if each.name == last else each for each in steps))
    async with running(load(os.environ, data_dir=Path(data_dir)), sagas=True) as services:
        if verb == "idle":
            await anyio.sleep_forever()
        if verb == "provision":
            begun = await services.provisioning.start_or_attach(request(), KIM)
            await services.provisioning.wait(begun, None)
            return
        await services.registry.set_state(WISH["journey_id"], JourneyState.COMPLETED, KIM)
        [dataset] = await services.datasets.list(DatasetQuery(), KIM)
        down = await services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
        )
        await services.teardowns.wait(down, None)


if __name__ == "__main__":
    configure()
    anyio.run(partial(main, *sys.argv[1:]))
