"""How long a client waits for its greeting, from the start of the process, beside a server of the bare SDK."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.benchmarks.measure import Goal, Row, medians
from tests.benchmarks.server.server_clients import Stdio, bare, ours

GOAL: Final = Goal(bound=1.3, at_most=True)


def rows(*, quick: bool) -> list[Row]:
    """Start to the answer of `initialize`, both from files that are cached."""
    with tempfile.TemporaryDirectory() as folder:
        commands = ours(Path(folder)), bare()
        for each in commands:
            _greeted_s(each)
        mine, theirs = commands
        took = medians(
            4 if quick else 12, {"ours": lambda: _greeted_s(mine), "bare": lambda: _greeted_s(theirs)}
        )
    return [
        Row(
            what="stdio start to initialize answered",
            figure=f"{took['ours']:.2f} s",
            beside=f"bare SDK server {took['bare']:.2f} s",
            ratio=took["ours"] / took["bare"],
            goal=GOAL,
        )
    ]


def _greeted_s(command: list[str]) -> float:
    with closing(Stdio(command)) as server:
        return server.greeted_s
