"""New templates: written whole, valid as they are written, and never over anything."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from domain.content.documents import RECORD_KINDS
from domain.errors import InvalidArgumentError
from domain.model.enums import DatasetType
from server.adapters.templates import write_new_template
from tests.support.content.records import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.content.repository_files import RepositoryFiles


@pytest.mark.parametrize("dataset_type", DatasetType)
async def test_a_new_template_is_valid_as_it_is_written(
    repository: RepositoryFiles, dataset_type: DatasetType
) -> None:
    made = write_new_template(repository.folder, "fintech/payments", dataset_type)
    found = {each.file.rsplit("/", 1)[1]: each for each in await repository.templates.validate(NOW)}
    report = found[f"{dataset_type.value}.csv"]
    assert (report.template_id, report.score, report.issues, report.problems, report.warnings) == (
        made.template_id,
        100.0,
        (),
        (),
        (),
    )
    assert found[f"{dataset_type.value}.README.md"].is_valid
    page = made.page.read_text()
    assert all(f"| `{each.name}` |" in page for each in RECORD_KINDS[dataset_type].fields)


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "tsv"])
def test_a_template_that_is_there_is_not_overwritten(repository: RepositoryFiles, suffix: str) -> None:
    path = repository.write(f"fintech/payments/jira_issues.{suffix}", "mine")
    with pytest.raises(InvalidArgumentError, match=rf"jira_issues\.{suffix}. Nothing is overwritten"):
        write_new_template(repository.folder, "fintech/payments", DatasetType.JIRA_ISSUES)
    assert path.read_text() == "mine"
    assert _names(repository) == [path.name]


def test_a_page_that_is_there_is_not_overwritten_either(repository: RepositoryFiles) -> None:
    path = repository.write("fintech/payments/jira_issues.README.md", "mine")
    with pytest.raises(InvalidArgumentError, match="cannot be written: File exists"):
        write_new_template(repository.folder, "fintech/payments", DatasetType.JIRA_ISSUES)
    assert path.read_text() == "mine"
    assert _names(repository) == [path.name]


def test_a_disk_that_is_full_leaves_nothing_half_written(
    repository: RepositoryFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def open_until_full(path: Path, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if path.suffix == ".csv":
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_until_full)
    with pytest.raises(InvalidArgumentError, match="No space left on device"):
        write_new_template(repository.folder, "fintech/payments", DatasetType.JIRA_ISSUES)
    assert _names(repository) == []


@pytest.mark.parametrize("place", ["", "fintech", "a/b/c", "../x", "a/..", ".git/x", "a b/c", "a/\n", "a//b"])
def test_a_place_that_is_no_industry_and_use_case_is_refused(repository: RepositoryFiles, place: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not INDUSTRY/USE_CASE") as refused:
        write_new_template(repository.folder, place, DatasetType.JIRA_ISSUES)
    assert refused.value.field == "place"
    assert not repository.folder.exists()


def test_a_place_that_differs_only_by_case_from_another_is_refused(repository: RepositoryFiles) -> None:
    repository.write("Fintech/payments/README.md", "x")
    with pytest.raises(InvalidArgumentError, match="differs only by case from the folder Fintech") as refused:
        write_new_template(repository.folder, "fintech/payments", DatasetType.JIRA_ISSUES)
    assert refused.value.candidates == ("Fintech",)


def _names(repository: RepositoryFiles) -> Sequence[str]:
    return sorted(each.name for each in (repository.folder / "fintech" / "payments").iterdir())
