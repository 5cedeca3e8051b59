"""What a process keeps of the memory that its threads have freed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import pytest

from tests.support.servers.command_line import CHECKOUT

COUNT_ARENAS: Final = """
import ctypes, os, tempfile, threading
from server.infra.memory import share_malloc_arena

share_malloc_arena()
libc = ctypes.CDLL(None)
meet = threading.Barrier(8)
def allocate():
    meet.wait()
    bytearray(50_000)
    meet.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
with tempfile.NamedTemporaryFile() as file:
    libc.fdopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.fdopen(os.dup(file.fileno()), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(open(file.name).read().count("<heap nr="))
"""


@pytest.mark.parametrize(("configured", "shared"), [("", True), ("8", False)])
def test_threads_share_one_arena_unless_the_environment_says_otherwise(
    configured: str, *, shared: bool
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    if configured:
        environment["MALLOC_ARENA_MAX"] = configured
    counted = subprocess.run(
        (sys.executable, "-c", COUNT_ARENAS),
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (int(counted.stdout) == 1) is shared
