"""A process of the product that dies in one step as long as there is a cause: `deadly_host.py DATA_DIR STEP VERB`.

`provision` and `teardown` begin that saga and wait for its end, `idle` only runs what others left. Each time it comes
to STEP while the file DATA_DIR/cause is there, it writes a line to DATA_DIR/deaths, does the step, and kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from domain.model.enums import TeardownReason
from domain.ports import DatasetQuery
from server.adapters.engine import engine as engine_module
from server.adapters.engine.engine import DurableEngine
from server.composition.process import open_services
from server.infra.logging import configure_logging
from server.settings import load_settings
from tests.support.saga_steps import install_steps
from tests.support.servers.data_folder import KIM, provision_request

if TYPE_CHECKING:
    from domain.lifecycle.sagas.context import SagaContext
    from domain.lifecycle.sagas.definition import Step

SOON = {"watch_s": 0.2, "dead_after_s": 0.5}


class FastAdoptionEngine(DurableEngine):
    """It finds the dead sooner than the shipped one, so that a test need not wait."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **{**named, **SOON})


def install_crash_step(folder: Path, step: Step) -> Step:
    async def do(context: SagaContext) -> None:
        await step.action(context)
        if (folder / "cause").exists():
            with (folder / "deaths").open("a") as deaths:
                deaths.write(f"{os.getpid()}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    return replace(step, action=do)


async def main(data_dir: str, step: str, verb: str) -> None:
    folder = Path(data_dir)
    install_steps(lambda each: install_crash_step(folder, each) if each.name == step else each)
    vars(engine_module)["DurableEngine"] = FastAdoptionEngine
    async with open_services(load_settings(os.environ, data_dir=folder), sagas=True) as services:
        if verb == "provision":
            begun = await services.provisioning.start_or_attach(provision_request(), KIM)
            await services.provisioning.wait(begun, None)
        elif verb == "teardown":
            [dataset] = await services.datasets.list(DatasetQuery(), KIM)
            await services.teardowns.start_or_attach(
                dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
            )
        (folder / f"up-{os.getpid()}").touch()
        await anyio.sleep_forever()


if __name__ == "__main__":
    configure_logging()
    anyio.run(partial(main, *sys.argv[1:]))
