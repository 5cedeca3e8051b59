"""What a command takes of the processor, from its start to its end, beside what no command can do without."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.measure import ROOT, Goal, Row, medians

if TYPE_CHECKING:
    from collections.abc import Sequence

GOAL: Final = Goal(bound=1, at_most=True)
_FLOOR: Final = ("-c", "import typer, rich.console, pydantic, anyio")
_SDK: Final = ("-c", "import mcp.server")
_CLIENT: Final = ("clients", "add", "acme", "--name", "Acme", "--industry", "fintech")
_JOURNEY: Final = ("journeys", "add", "q3", "--client-id", "acme", "--stage", "sandbox")
_PROVISION: Final = ("provision", "--client-id", "acme", "--journey-id", "q3", "--stage", "sandbox")
PROMISED_S: Final = {
    "--help": (("--help",), 0.5),
    "datasets list": (("datasets", "list"), 0.6),
    "a provision that attaches": ((*_PROVISION, "--dataset-type", "jira_issues"), 1.0),
}
"""The commands, and the CPU seconds that each may take."""


def rows(*, quick: bool) -> list[Row]:
    """Each command on a folder with one dataset."""
    with tempfile.TemporaryDirectory() as folder:
        ours = ("-m", "server", "--data-dir", str(Path(folder) / "data"))
        for each in (
            (*_CLIENT, "--use-case", "developer_productivity"),
            _JOURNEY,
            (*PROMISED_S["a provision that attaches"][0], "--record-count", "50"),
        ):
            _cpu_s((*ours, *each))
        works = {name: partial(_cpu_s, (*ours, *command)) for name, (command, _) in PROMISED_S.items()}
        took = medians(
            3 if quick else 12,
            works | {"floor": partial(_cpu_s, _FLOOR), "SDK": partial(_cpu_s, _SDK)},
        )
    return [
        Row(
            what=f"CPU seconds of {name}",
            figure=f"{took[name]:.2f} s",
            beside=f"its libraries alone {took['floor']:.2f} s, the SDK's {took['SDK']:.2f} s; promised {promised:g} s",
            ratio=took[name] / promised,
            goal=GOAL,
        )
        for name, (_, promised) in PROMISED_S.items()
    ]


def _cpu_s(arguments: Sequence[str]) -> float:
    """What a Python process took, with what it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
