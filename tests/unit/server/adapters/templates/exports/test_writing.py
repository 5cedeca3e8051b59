"""A template of an import: whole, or not there at all."""

from __future__ import annotations

import errno
import json
import os
import resource
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from domain.errors import ExportInvalidError, ImportFailedError, InvalidArgumentError, MockDataMissingError
from domain.model.enums import DatasetType
from server.adapters.templates import RepositoryTemplates
from server.adapters.templates.catalogue.validation import Judgement, TemplateReport
from server.adapters.templates.exports import parse_target
from server.adapters.templates.exports.writer import ImportTarget, open_template_draft
from server.infra.filesystem.durable import Draft, remove_abandoned_drafts
from tests.support.content.exports import JIRA_CLOUD, JIRA_SERVER, import_into, read_records
from tests.support.content.records import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "issues.csv"
    path.write_text(JIRA_CLOUD)
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def _files(repository: Path) -> list[str]:
    return sorted(each.relative_to(repository).as_posix() for each in repository.rglob("*"))


def test_a_template_is_json_lines_with_a_header(source: Path, repository: Path) -> None:
    report = import_into(repository, "jira-csv", source)
    header, records = report.files

    assert json.loads(header.read_text()) == {
        "format_version": 2,
        "name": "fintech/payments/jira_issues",
        "metadata": {"industry": "fintech", "use_case": "payments", "tags": ["imported", "jira-csv"]},
        "default_record_count": 2,
        "source": {"file": records.name},
    }
    assert (report.template_id, report.taken) == ("fintech/payments/jira_issues", 2)
    assert (
        header.relative_to(repository).as_posix() == "mock_data/templates/fintech/payments/jira_issues.json"
    )
    assert len(list(header.parent.iterdir())) == 2


@pytest.mark.parametrize(
    "name", ["jira_issues.json", "jira_issues.jsonl", "jira_issues.csv", "jira_issues.csv.gz"]
)
def test_what_exists_is_not_replaced_unless_it_is_said(source: Path, repository: Path, name: str) -> None:
    folder = repository / "mock_data" / "templates" / "fintech" / "payments"
    folder.mkdir(parents=True)
    (folder / name).write_text("[]")
    with pytest.raises(InvalidArgumentError, match=f"{name} exists") as refused:
        import_into(repository, "jira-csv", source)

    assert "--replace" in refused.value.suggested_action
    assert [each.name for each in folder.iterdir()] == [name]
    report = import_into(repository, "jira-csv", source, replace=True)
    assert len(read_records(report)) == 2
    assert report.unused == (() if name == "jira_issues.json" else (name,))


@pytest.mark.parametrize("links", [True, False])
def test_of_two_imports_at_once_one_is_refused_and_the_other_is_whole(
    source: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    other = source.with_name("others.csv")
    other.write_text(JIRA_SERVER)
    target = ImportTarget(
        repository=repository, subdir="mock_data/templates", industry="fintech", use_case="payments"
    )
    repository.mkdir()
    with open_template_draft(target, DatasetType.JIRA_ISSUES) as draft:
        first = import_into(repository, "jira-csv", other)
        draft.write_record({"key": "PAY-1"})
        with pytest.raises(InvalidArgumentError, match=r"jira_issues\.json exists already"):
            draft.publish("jira-csv")

    assert sorted(each.name for each in first.files[0].parent.iterdir()) == sorted(
        each.name for each in first.files
    )
    assert read_records(first)


def test_a_replaced_template_leaves_no_records_behind(source: Path, repository: Path) -> None:
    first = import_into(repository, "jira-csv", source)
    again = import_into(repository, "jira-csv", source, replace=True)
    source.write_text(JIRA_SERVER)
    other = import_into(repository, "jira-csv", source, replace=True)

    assert again.files == first.files
    assert other.files != first.files
    assert sorted(other.files) == sorted(other.files[0].parent.iterdir())


@pytest.mark.parametrize(
    "header", ["", "[]", '{"source": 1}', '{"source": {"file": "../x"}}', "[" * 9000, " " * (1 << 20) + "{}"]
)
def test_a_header_of_somebody_else_names_nothing_to_delete(
    source: Path, repository: Path, header: str
) -> None:
    folder = repository / "mock_data" / "templates" / "fintech" / "payments"
    folder.mkdir(parents=True)
    (folder / "jira_issues.json").write_text(header)

    assert import_into(repository, "jira-csv", source, replace=True).taken == 2


def test_an_import_that_ends_early_leaves_nothing_behind(source: Path, repository: Path) -> None:
    class StoppedError(Exception):
        """Somebody stops it."""

    def stop(read: int, total: int, _records: int) -> None:
        if read >= total:
            raise StoppedError

    with pytest.raises(StoppedError):
        import_into(repository, "jira-csv", source, progress=stop)
    assert _files(repository) == []


def _abandoned(folder: Path) -> list[Path]:
    """The drafts of imports that were killed: nobody claims them."""
    names = (".jira_issues.jsonl.0123abcd.tmp", ".jira_issues.json.89abcdef.tmp")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("{")
    return [folder / each for each in names]


def test_what_a_killed_import_left_is_removed_by_the_next_one(source: Path, repository: Path) -> None:
    folder = repository / "mock_data" / "templates" / "fintech" / "payments"
    abandoned = _abandoned(folder)
    others = [folder / ".slack_messages.jsonl.0123abcd.tmp", folder / ".jira_issues.jsonl.swp"]
    for each in others:
        each.write_text("")
    (listed, *_) = _reports_before_the_error(repository)
    report = import_into(repository, "jira-csv", source)

    assert (listed.use, listed.is_valid, "the next import" in str(listed.reason)) == ("unused", True, True)
    assert abandoned[0].exists() is abandoned[1].exists() is False
    assert sorted(folder.iterdir()) == sorted([*others, *report.files])


def test_the_draft_of_an_import_that_lives_is_left_alone(source: Path, repository: Path) -> None:
    target = ImportTarget(
        repository=repository, subdir="mock_data/templates", industry="fintech", use_case="payments"
    )
    repository.mkdir()
    with open_template_draft(target, DatasetType.JIRA_ISSUES) as draft:
        draft.write_record({"key": "PAY-1"})
        first = import_into(repository, "jira-csv", source)
        assert len(list(first.files[0].parent.iterdir())) == 3
    assert len(list(first.files[0].parent.iterdir())) == 2


def test_a_draft_that_was_removed_before_it_was_claimed_is_made_again(tmp_path: Path) -> None:
    draft = Draft(tmp_path / "a.json")
    remove_abandoned_drafts(tmp_path, lambda _: True)
    assert list(tmp_path.iterdir()) == []
    draft.claim()
    remove_abandoned_drafts(tmp_path, lambda _: True)
    draft.write(b"{}")
    draft.flush()
    draft.publish()
    draft.discard()

    assert (tmp_path / "a.json").read_bytes() == b"{}"
    assert len(list(tmp_path.iterdir())) == 1


def test_records_without_their_header_are_named(source: Path, repository: Path) -> None:
    header, records = import_into(repository, "jira-csv", source).files
    header.unlink()
    reports = list(_reports_before_the_error(repository))

    assert [(each.is_valid, each.reason) for each in reports] == [
        (False, "It has the records of an import, and no template refers to it: delete it.")
    ]
    assert reports[0].file == records.relative_to(repository).as_posix()


def _reports_before_the_error(repository: Path) -> Iterator[TemplateReport]:
    with suppress(MockDataMissingError):
        yield from RepositoryTemplates(repository).iterate_reports(Judgement(now=NOW))


def test_a_broken_export_leaves_the_old_template_as_it_was(source: Path, repository: Path) -> None:
    old = import_into(repository, "jira-csv", source)
    before = {each: each.read_bytes() for each in old.files}
    source.write_text(JIRA_CLOUD[:-20] + '"')

    with pytest.raises(ExportInvalidError):
        import_into(repository, "jira-csv", source, replace=True)
    assert {each: each.read_bytes() for each in old.files[0].parent.iterdir()} == before


@contextmanager
def _file_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_is_told_and_cleaned_up(source: Path, repository: Path) -> None:
    lines = JIRA_CLOUD.splitlines(keepends=True)
    source.write_text(
        "".join([lines[0], *(lines[1].replace("PAY-2,", f"PAY-{each},") for each in range(3, 5000))])
    )
    with _file_limit(1 << 19), pytest.raises(ImportFailedError, match="the file would be larger"):
        import_into(repository, "jira-csv", source)

    assert _files(repository) == []


def test_a_folder_that_cannot_be_made_is_told(source: Path, repository: Path) -> None:
    repository.mkdir()
    (repository / "mock_data").write_text("in the way")

    with pytest.raises(ImportFailedError, match="Could not make"):
        import_into(repository, "jira-csv", source)
    assert _files(repository) == ["mock_data"]


def test_a_draft_that_cannot_be_made_is_told(
    source: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    (repository / "mock_data" / "templates" / "fintech" / "payments").mkdir(parents=True)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ImportFailedError, match="the disk is read-only"):
        import_into(repository, "jira-csv", source)


@pytest.mark.parametrize("to", ["", "fintech", "a/b/c", "../x", "a/..", "a/", "a b/c", f"{'x' * 65}/a"])
def test_a_target_is_two_names(to: str) -> None:
    with pytest.raises(InvalidArgumentError, match="INDUSTRY/USE_CASE"):
        parse_target(to)
    assert parse_target("fintech/developer_productivity") == ("fintech", "developer_productivity")


@pytest.mark.parametrize("twin", ["Fintech/payments", "fintech/PAYMENTS"])
def test_no_folder_is_made_beside_one_that_differs_only_by_case(
    source: Path, repository: Path, twin: str
) -> None:
    (repository / "mock_data" / "templates" / twin).mkdir(parents=True)
    with pytest.raises(InvalidArgumentError, match="only by case") as refused:
        import_into(repository, "jira-csv", source)

    assert refused.value.field == "to"
    assert refused.value.candidates[0] in twin.split("/")
    assert len(_files(repository)) == 4


def test_an_unknown_kind_names_the_kinds(source: Path, repository: Path) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        import_into(repository, "jira", source)

    assert "jira-csv" in refused.value.candidates
