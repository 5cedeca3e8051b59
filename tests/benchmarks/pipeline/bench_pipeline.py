"""The population pass, every check included, beside parsing and dumping the same records with orjson and nothing else.

Both read the same file of generated records of about 1 KB, in turns. Memory is the peak of a process that does nothing
but populate. Run it as `python -m tests.benchmarks.pipeline.bench_pipeline`.
"""

from __future__ import annotations

import csv
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import orjson

from domain.content.population import Population
from domain.model.enums import DatasetType
from server.adapters.templates import RepositoryTemplates
from tests.benchmarks.measure import Goal, Row, alone, medians, peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from domain.model.template import Template

GOAL = Goal(bound=0.55)
CSV_GOAL = Goal(bound=0.9)
MEMORY_GOAL = Goal(bound=1.2, at_most=True)
NOW = datetime(2026, 7, 1, tzinfo=UTC)
_WORDS = (
    "service",
    "ledger",
    "payment",
    "retry",
    "queue",
    "incident",
    "deploy",
    "rollback",
    "gateway",
    "budget",
)
_PEOPLE = [f"person{n}@acme.example" for n in range(80)]


def rows(*, quick: bool) -> list[Row]:
    """Ratios by type and format, then the peak memory of a small and a large population."""
    count, rounds = (10_000, 3) if quick else (50_000, 5)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for dataset_type in DatasetType:
            found += _beside_orjson(Path(folder), dataset_type, count, rounds)
        found.append(_beside_csv(Path(folder), DatasetType.CONFLUENCE_PAGES, count, rounds))
        found += [
            _memory(Path(folder), form, 10_000, 100_000 if quick else 1_000_000) for form in ("jsonl", "json")
        ]
    return found


def generate_records(dataset_type: DatasetType, count: int) -> Iterator[dict[str, Any]]:
    """Records without a flaw, about 1 KB each, that refer to one another."""
    draw = random.Random(dataset_type.value)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(count):
        instant = (start + timedelta(seconds=number * 7)).isoformat().replace("+00:00", "Z")
        text = " ".join(draw.choices(_WORDS, k=110))
        person, earlier = draw.choice(_PEOPLE), draw.randrange(number + 1)
        match dataset_type:
            case DatasetType.CONFLUENCE_PAGES:
                yield {
                    "page_id": str(100_000 + number),
                    "title": text[:40],
                    "body": f'<h2 class="lead">{text[:20]}</h2>\n<p>{text}</p>\n<p><a href="#">{text[:30]}</a></p>',
                    "space_key": draw.choice(("PAY", "OPS", "ENG")),
                    "author_email": person,
                    "last_modified": instant,
                    "labels": ["runbook", "ledger"],
                    "url": f"https://wiki.example/pages/{number}",
                    "references": [str(100_000 + earlier)],
                }
            case DatasetType.GITHUB_REPOS:
                yield {
                    "name": f"repository-{number}",
                    "owner": "acme",
                    "description": text[:60],
                    "language": "Kotlin",
                    "stars": number % 90,
                    "issues": number % 7,
                    "url": f"https://code.example/acme/repository-{number}",
                    "readme": f"# {text[:20]}\n\n{text}",
                    "updated_at": instant,
                    "maintainer_email": person,
                    "topics": ["ledger"],
                }
            case DatasetType.SLACK_MESSAGES:
                yield {
                    "message_id": f"p{1_740_000_000 + number}000100",
                    "text": text,
                    "channel": draw.choice(("payments", "ops")),
                    "author": person,
                    "timestamp": instant,
                    "thread": f"p{1_740_000_000 + earlier}000100",
                }
            case DatasetType.JIRA_ISSUES:
                yield {
                    "key": f"PAY-{number}",
                    "summary": text[:50],
                    "description": text,
                    "status": "Open",
                    "assignee": person,
                    "project": "PAY",
                    "priority": "High",
                    "updated": instant,
                    "created": "2025-01-01T00:00:00Z",
                    "references": [f"PAY-{earlier}"],
                }


def _write(path: Path, dataset_type: DatasetType, count: int) -> None:
    path.parent.mkdir(parents=True)
    records = generate_records(dataset_type, count)
    if path.suffix == ".csv":
        flat = (
            {name: ";".join(v) if isinstance(v, list) else v for name, v in each.items()} for each in records
        )
        with path.open("w", newline="") as file:
            first = next(flat)
            writer = csv.DictWriter(file, list(first))
            writer.writeheader()
            writer.writerow(first)
            writer.writerows(flat)
        return
    with path.open("wb") as file:
        before = b"[" if path.suffix == ".json" else b""
        for each in records:
            file.write(before + orjson.dumps(each))
            before = b"," if path.suffix == ".json" else b"\n"
        file.write(b"]" if path.suffix == ".json" else b"\n")


def _repository(folder: Path, dataset_type: DatasetType, form: str, count: int) -> tuple[Path, Path]:
    root = folder / f"{dataset_type.value}-{form}-{count}"
    path = root / f"mock_data/templates/a/b/{dataset_type.value}.{form}"
    _write(path, dataset_type, count)
    return root, path


def open_repository(root: Path) -> tuple[RepositoryTemplates, Template]:
    """A repository and the one template in it."""
    repository = RepositoryTemplates(root)
    (template,) = anyio.run(repository.list)
    return repository, template


def populate(repository: RepositoryTemplates, template: Template) -> int:
    """Populate from a template, to nowhere; the number of bytes made."""
    population = Population(
        template,
        dataset_type=template.dataset_type,
        wanted=None,
        sites={each: f"https://{each.connector_kind}.acme.example" for each in DatasetType},
        now=NOW,
        progress=lambda _done, _total: None,
    )
    with repository.open_records(template) as stream:
        return sum(map(len, population.stream_documents(stream)))


def _measure_cpu_s(work: Callable[..., object], *arguments: Any) -> float:
    """CPU seconds of all threads, which other programs on the machine do not stretch."""
    started = time.process_time()
    work(*arguments)
    return time.process_time() - started


def _parsed_and_dumped(path: Path) -> None:
    """What no pipeline can do without: each line loaded and dumped."""
    with path.open("rb") as file:
        for line in file:
            orjson.dumps(orjson.loads(line))


def _read_as_csv(path: Path) -> None:
    with path.open(newline="") as file:
        for _ in csv.reader(file):
            pass


def _beside_orjson(folder: Path, dataset_type: DatasetType, count: int, rounds: int) -> list[Row]:
    """JSON Lines and JSON array, both beside the lines of the same records."""
    root, path = _repository(folder, dataset_type, "jsonl", count)
    lines, array = open_repository(root), open_repository(_repository(folder, dataset_type, "json", count)[0])
    works = {
        "floor": lambda: _measure_cpu_s(_parsed_and_dumped, path),
        "lines": lambda: _measure_cpu_s(populate, *lines),
        "array": lambda: _measure_cpu_s(populate, *array),
    }
    took = medians(rounds, works)
    return [
        _row(
            f"populate {dataset_type.value}, {what}",
            "orjson loads + dumps",
            took[form],
            took["floor"],
            count,
            GOAL,
        )
        for form, what in (("lines", "JSON Lines"), ("array", "JSON array"))
    ]


def _beside_csv(folder: Path, dataset_type: DatasetType, count: int, rounds: int) -> Row:
    root, path = _repository(folder, dataset_type, "csv", count)
    given = open_repository(root)
    took = medians(
        rounds,
        {
            "floor": lambda: _measure_cpu_s(_read_as_csv, path),
            "ours": lambda: _measure_cpu_s(populate, *given),
        },
    )
    what = f"populate {dataset_type.value}, CSV"
    return _row(what, "csv.reader", took["ours"], took["floor"], count, CSV_GOAL)


def _row(what: str, peer: str, mine: float, floor: float, count: int, goal: Goal) -> Row:
    return Row(
        what=what,
        figure=f"{count / mine / 1e3:,.0f} k/CPU s",
        beside=f"{peer} {count / floor / 1e3:,.0f} k/CPU s",
        ratio=floor / mine,
        goal=goal,
    )


def _memory(folder: Path, form: str, few: int, many: int) -> Row:
    small, large = (
        float(
            alone(
                "pipeline.bench_pipeline",
                str(_repository(folder, DatasetType.CONFLUENCE_PAGES, form, count)[0]),
            )
        )
        for count in (few + 1, many)
    )
    return Row(
        what=f"peak memory, {many:,} records, {'JSON Lines' if form == 'jsonl' else 'one JSON array'}",
        figure=f"{large:.0f} MB",
        beside=f"{few:,} records {small:.0f} MB",
        ratio=large / small,
        goal=MEMORY_GOAL,
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        populate(*open_repository(Path(sys.argv[1])))
        print(peak_mb())
    else:
        for row in rows(quick=False):
            print(f"{row.what:50} {row.figure:>10}  {row.beside:38} {row.ratio or 0:.2f}  goal {row.goal}")
