"""Data folders, and the processes on them."""

from __future__ import annotations

import subprocess
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import anyio.to_thread
import pytest

from tests.support.content.template_repository import write_repository
from tests.support.servers.data_folder import ROOT, DataFolder

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.Popen[str]]

RECORDS: Final = 12
EFFECTS_OF_ONE_PROVISION: Final = Counter(
    {"datasources.create": 1, "documents stored": RECORDS, "sync jobs": 1}
)
"""What the sandbox's ledger says of one dataset that was provisioned, whatever happened on the way."""


@pytest.fixture(scope="package")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small mock-data repository."""
    return write_repository(tmp_path_factory.mktemp("repository"), records=RECORDS)


@pytest.fixture
async def data_folder(tmp_path: Path, repository: Path) -> DataFolder:
    """A data folder with a client and its active journey."""
    made = DataFolder(tmp_path / "data", repository)
    await made.add_client_and_journey()
    return made


@pytest.fixture
def start_process() -> Iterator[Run]:
    """`run(folder, command)` starts a process; what is left at the end is killed."""
    with ExitStack() as exits:

        def start(folder: DataFolder, command: list[str]) -> subprocess.Popen[str]:
            process = exits.enter_context(
                subprocess.Popen(
                    command,
                    env=folder.environ,
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            exits.callback(process.kill)
            return process

        yield start


async def wait_for_exit(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit status, output and log of a process that ends by itself, or else because its input ends."""
    with anyio.fail_after(60):
        out, log = await anyio.to_thread.run_sync(process.communicate, abandon_on_cancel=True)
    return process.returncode, out, log


async def stop_process(process: subprocess.Popen[str], kind: signal.Signals) -> tuple[int, str, str]:
    """The same of a process that is sent a signal, with its input left open until it has ended."""
    process.send_signal(kind)
    with anyio.fail_after(60):
        await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
    return await wait_for_exit(process)
