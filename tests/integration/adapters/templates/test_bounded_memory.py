"""Several hundred megabytes in one array on one line are populated in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Hundreds of megabytes are written and read.
pytestmark = pytest.mark.resilience

_ROOT = Path(__file__).parents[4]
_POPULATE = """
import sys
from datetime import UTC, datetime
from pathlib import Path

import anyio

from domain.model import DatasetType
from domain.content.population import Population
from server.adapters.templates import FolderTemplates

templates = FolderTemplates(Path(sys.argv[1]))
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


def test_an_array_of_300_mb_on_one_line_is_populated_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "mock_data/templates/fintech/developer_productivity/confluence_pages.json"
    path.parent.mkdir(parents=True)
    text = "The ledger is looked at, and what it says is written down. " * 15
    with path.open("w") as file:
        file.write("[")
        for number in range(_RECORDS):
            file.write(("," if number else "") + _RECORD % (number, number, text))
        file.write("]")
    assert path.stat().st_size > 300_000_000

    done = subprocess.run(
        [sys.executable, "-c", _POPULATE, str(tmp_path)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines, peak_mb = map(int, done.stdout.split())
    assert lines == _RECORDS
    assert peak_mb < _MOST_MB
