"""Generated records beside mimesis: how fast they are made, and how much they repeat themselves.

mimesis (https://mimesis.name) makes records of the same fields with texts of the same length, of sentences from a list.
It is not installed with the project: `uv` makes it an environment of its own. Memory is the peak of a process that does
nothing but generate; run by itself, this file prints it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import msgspec
import zstandard

from domain.model.enums import DatasetType
from tests.benchmarks.measure import ROOT, Goal, Row, alone, peak_mb
from tests.support.content.companies import company

if TYPE_CHECKING:
    from collections.abc import Sequence

_PEER: Final = (
    *("uv", "run", "--no-project", "--isolated", "--quiet", "--with", "mimesis==22.2.0", "python"),
    str(Path(__file__).with_name("mimesis_peer.py")),
)
SPEED_GOAL: Final = Goal(bound=3)
REPEATED_GOAL: Final = Goal(bound=0.1, at_most=True)
PACKED_GOAL: Final = Goal(bound=6, at_most=True)
MEMORY_GOAL: Final = Goal(bound=1.2, at_most=True)
ALONE_GOAL: Final = Goal(bound=1, at_most=True)
TODAY: Final = date(2026, 12, 2)
_TEXT: Final = {
    DatasetType.CONFLUENCE_PAGES: "body",
    DatasetType.GITHUB_REPOS: "readme",
    DatasetType.SLACK_MESSAGES: "text",
    DatasetType.JIRA_ISSUES: "description",
}
_MARKUP: Final = re.compile(r"<h2>.*?</h2>|<pre>.*?</pre>|<[^>]+>", re.DOTALL)
_SENTENCE_END: Final = re.compile(r"(?<=[.?!])\s+|\n+")


def rows(*, quick: bool) -> list[Row]:
    """Speed and variety of each type, one of ten million alone, and memory."""
    count, rounds = (5_000, 1) if quick else (100_000, 3)
    found = []
    for dataset_type in DatasetType:
        lines = _lines(dataset_type, count)
        found += [
            _speed(dataset_type, lines, rounds),
            _repeated(dataset_type, lines),
            _packed(dataset_type, lines),
            _alone(dataset_type),
        ]
    sizes = (10_000, 50_000) if quick else (10_000, 1_000_000)
    few, many = (float(alone("pipeline.bench_generation", str(each))) for each in sizes)
    found.append(
        Row(
            what=f"memory for {sizes[1]:,} generated records",
            figure=f"{many:.0f} MB",
            beside=f"{sizes[0]:,}: {few:.0f} MB",
            ratio=many / few,
            goal=MEMORY_GOAL,
        )
    )
    return found


def _lines(dataset_type: DatasetType, count: int) -> list[bytes]:
    return [line for batch in company(count, TODAY).records(dataset_type) for line in batch]


def _speed(dataset_type: DatasetType, lines: Sequence[bytes], rounds: int) -> Row:
    texts = [msgspec.json.decode(line)[_TEXT[dataset_type]] for line in lines[:1000]]
    characters = sum(map(len, texts)) // len(texts)
    count = min(len(lines), 20_000)
    mine, theirs = [], []
    for _ in range(rounds):
        began = time.process_time()
        for _batch in company(count, TODAY).records(dataset_type):
            pass
        mine.append((time.process_time() - began) / count)
        asked = (*_PEER, dataset_type.value, str(count), str(characters))
        answer = subprocess.run(asked, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        theirs.append(float(answer.split()[0]) / count)
    ours, peer = median(mine), median(theirs)
    return Row(
        what=f"generate {dataset_type.value}",
        figure=f"{1e-3 / ours:,.0f} k/CPU s",
        beside=f"mimesis {1e-3 / peer:,.0f} k/CPU s",
        ratio=peer / ours,
        goal=SPEED_GOAL,
    )


def _repeated(dataset_type: DatasetType, lines: Sequence[bytes]) -> Row:
    told: Counter[str] = Counter()
    for line in lines:
        text = _MARKUP.sub(" ", msgspec.json.decode(line)[_TEXT[dataset_type]])
        told.update(each for each in _SENTENCE_END.split(text) if each.rstrip().endswith((".", "?", "!")))
    repeated = sum(times for times in told.values() if times > 1)
    return Row(
        what="   repeated sentences",
        figure=f"{repeated:,}",
        beside=f"of {told.total():,}",
        ratio=repeated / told.total(),
        goal=REPEATED_GOAL,
    )


def _packed(dataset_type: DatasetType, lines: Sequence[bytes]) -> Row:
    data = b"\n".join(lines)
    packed = zstandard.ZstdCompressor(level=19).compress(data)
    return Row(
        what=f"   {dataset_type.value} by zstd-19",
        figure=f"{len(data) / 1e6:,.1f} MB",
        beside=f"{len(packed) / 1e6:,.1f} MB",
        ratio=len(data) / len(packed),
        goal=PACKED_GOAL,
    )


def _alone(dataset_type: DatasetType) -> Row:
    made = company(10_000_000, TODAY)
    took = []
    for position in range(5, 10_000_000, 100_003):
        began = time.process_time()
        made.record(dataset_type, position)
        took.append(time.process_time() - began)
    return Row(
        what="   one of ten million alone",
        figure=f"{median(took) * 1e3:.2f} ms",
        beside="1 ms",
        ratio=median(took) * 1e3,
        goal=ALONE_GOAL,
    )


def main(count: int) -> None:
    """Generate so many messages, and print the peak of memory in MB."""
    for _batch in company(count, TODAY).records(DatasetType.SLACK_MESSAGES):
        pass
    sys.stdout.write(f"{peak_mb()}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
