"""A command that is killed as it comes to a step of a saga: `killed_command.py STEP COMMAND…`."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from server.cli.app import app
from tests.support.saga_steps import install_steps

if TYPE_CHECKING:
    from domain.lifecycle.sagas.context import SagaContext


async def die(_: SagaContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    step = sys.argv.pop(1)
    install_steps(lambda each: replace(each, action=die) if each.name == step else each)
    app()
