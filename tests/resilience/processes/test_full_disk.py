"""A command whose store finds no room says so once to the person at its terminal, and goes on when there is room."""

from __future__ import annotations

import os
import pty
import resource
import subprocess
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from domain.model.enums import DatasetStatus
from tests.resilience.processes.test_shutdown import finish_syncs, slow_down_syncs
from tests.support.servers.data_folder import PROVISION_ARGUMENTS, ROOT

if TYPE_CHECKING:
    from tests.support.servers.data_folder import DataFolder

WAITS: Final = b"The work waits:"
LIMIT: Final = 4096
"""Bytes of a file, beyond which nothing can be written: that is how a full disk looks to the one process."""


async def test_a_full_disk_is_said_once_at_a_terminal_and_the_work_goes_on_when_there_is_room(
    data_folder: DataFolder,
) -> None:
    slow_down_syncs(data_folder)
    options = [part for name, value in PROVISION_ARGUMENTS.items() for part in (_option(name), value)]
    person, terminal = pty.openpty()
    with _start_at(terminal, data_folder, data_folder.command_line("provision", *options)) as command:
        os.close(terminal)
        await data_folder.wait_for_sync()
        _, unlimited = resource.prlimit(command.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(command.pid, resource.RLIMIT_FSIZE, (LIMIT, unlimited))
        finish_syncs(data_folder)
        with anyio.fail_after(90):
            screen = await _read_until(person, WAITS)
            resource.prlimit(command.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
            screen += await _read_until(person, None)
    os.close(person)
    assert command.returncode == 0, screen
    assert screen.count(WAITS) == 1
    assert b"goes on by itself once that is mended. Ctrl-C leaves it for later." in b" ".join(screen.split())
    assert b"Traceback" not in screen
    assert b"[error" not in screen
    assert (await data_folder.load_only_dataset()).status is DatasetStatus.READY


def _start_at(terminal: int, folder: DataFolder, command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env={**folder.environ, "COLUMNS": "80"},
        cwd=ROOT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


async def _read_until(screen: int, words: bytes | None) -> bytes:
    """What is shown up to these words, or up to the end of the program."""
    shown = b""
    while words is None or words not in shown:
        try:
            shown += await to_thread.run_sync(os.read, screen, 1 << 16, abandon_on_cancel=True)
        except OSError:  # the other end is closed
            break
    return shown
