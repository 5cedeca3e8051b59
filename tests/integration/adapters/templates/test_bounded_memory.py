"""Several hundred megabytes in one array on one line, compressed or in a zip too, are populated in bounded memory."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import IO, TYPE_CHECKING, cast

import pytest
import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

# Hundreds of megabytes are written and read.
pytestmark = pytest.mark.resilience

_ROOT = Path(__file__).parents[4]
_PLACE = "mock_data/templates/fintech/developer_productivity/confluence_pages.json"
_POPULATE = """
import sys
from datetime import UTC, datetime
from pathlib import Path

import anyio

from domain.model import DatasetType
from domain.content.population import Population
from server.adapters.templates import RepositoryTemplates

templates = RepositoryTemplates(Path(sys.argv[1]))
[template] = anyio.run(templates.list)
population = Population(
    template,
    dataset_type=DatasetType.CONFLUENCE_PAGES,
    wanted=None,
    sites={each: f"https://{each}.example.com" for each in DatasetType},
    now=datetime(2026, 3, 1, tzinfo=UTC),
    progress=lambda done, total: None,
)
with templates.open_records(template) as stream:
    lines = sum(chunk.count(b"\\n") for chunk in population.stream_documents(stream))
# Not getrusage's figure, which begins with what the parent held when it forked.
status = Path("/proc/self/status").read_text()
print(lines, int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""
_RECORD = (
    '{"page_id":"P%d","title":"Runbook %d","body":"<p>%s</p>","space_key":"ENG",'
    '"author_email":"kim@example.com","last_modified":"2026-02-01T08:00:00Z"}'
)
_RECORDS = 300_000
_MOST_MB = 150


def _open_plain(root: Path) -> IO[bytes]:
    return _make_path(root, "").open("wb")


def _open_gzip(root: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(_make_path(root, ".gz"), "wb", 1))


def _open_zstd(root: Path) -> IO[bytes]:
    return cast("IO[bytes]", zstandard.open(_make_path(root, ".zst"), "wb"))


@contextmanager
def _open_zip(root: Path) -> Iterator[IO[bytes]]:
    with (
        zipfile.ZipFile(root / "main.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"main/{_PLACE}", "w", force_zip64=True) as file,
    ):
        yield file


_STORED: dict[str, tuple[str, Callable[[Path], AbstractContextManager[IO[bytes]]]]] = {
    "plain": (".", _open_plain),
    "gzip": (".", _open_gzip),
    "Zstandard": (".", _open_zstd),
    "zip": ("main.zip", _open_zip),
}


@pytest.mark.parametrize("name", _STORED)
def test_an_array_of_300_mb_on_one_line_is_populated_in_bounded_memory(tmp_path: Path, name: str) -> None:
    repository, open_file = _STORED[name]
    noise = Random(1)
    text = "The ledger is looked at, and what it says is written down. " * 12
    size = 0
    with open_file(tmp_path) as file:
        file.write(b"[")
        for number in range(_RECORDS):
            # With nothing new in each of them, they would pack into a bomb.
            record = _RECORD % (number, number, noise.randbytes(80).hex() + text)
            size += file.write(f"{',' if number else ''}{record}".encode())
        file.write(b"]")
    assert size > 300_000_000

    done = subprocess.run(
        [sys.executable, "-c", _POPULATE, str(tmp_path / repository)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines, peak_mb = map(int, done.stdout.split())
    assert lines == _RECORDS
    assert peak_mb < _MOST_MB


def _make_path(root: Path, suffix: str) -> Path:
    path = root / f"{_PLACE}{suffix}"
    path.parent.mkdir(parents=True)
    return path
