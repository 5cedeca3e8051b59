"""Where processes come from: everything is imported once, and each life begins as a fork that shares nothing.

A line of input is `{"given": …}`, for a process to live (see `host.py`), with `log`, the file that its words go to, or
`{"kill": LIFE}`. A line of output is `{"life": …, "status": …}`, when one has ended. The end of input ends them all.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

import server.adapters.engine.dbos_runtime
import server.adapters.engine.postgres_journal
import server.adapters.engine.postgres_liveness
import server.adapters.store.postgres.store  # noqa: F401 - these four are what a life would import in its beginning
from tests.support.resilience.chaos.process_main import run_life
from tests.support.sandbox.embedded import script_composed_sandboxes

if TYPE_CHECKING:
    from pathlib import Path

_running_lives: dict[int, int] = {}


def fork_process(given: dict[str, Any], log: Path) -> None:
    """Begin a life."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _redirect_streams(log)
            run_life(given)
            status = 0
        except BaseException:  # noqa: BLE001 - a fork has nobody above it
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    _running_lives[pid] = given["life"]
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _redirect_streams(log: Path) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    words = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for own, taken in ((nothing, 0), (words, 1), (words, 2)):
        os.dup2(own, taken)
    os.close(words)
    os.close(nothing)
    faulthandler.enable()


def report_exits(_number: int, _frame: object) -> None:
    """Say who has ended, and how."""
    while _running_lives:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return  # two ended at once: the call that this one interrupts has reaped the last, and says so next
        if pid == 0:
            return
        told = {"life": _running_lives.pop(pid), "status": os.waitstatus_to_exitcode(status)}
        os.write(1, json.dumps(told).encode() + b"\n")


def main() -> None:
    """Do what the input says. A process is killed only as long as it is known to live, so its id is nobody else's."""
    script_composed_sandboxes()
    signal.signal(signal.SIGCHLD, report_exits)
    for line in sys.stdin:
        asked = json.loads(line)
        if "given" in asked:
            fork_process(asked["given"], asked["log"])
        else:
            _kill({pid for pid, life in _running_lives.items() if life == asked["kill"]})
    _kill(set(_running_lives))


def _kill(pids: set[int]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for pid in pids & _running_lives.keys():
        os.kill(pid, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


if __name__ == "__main__":
    main()
