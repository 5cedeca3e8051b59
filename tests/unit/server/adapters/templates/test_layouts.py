"""JSON as people have it: in whatever layout, read; or named for what it is, with what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import TemplateFormatUnknownError, TemplateInvalidError
from server.adapters.templates.readers import window
from tests.support.content.records import NOW
from tests.support.content.repository_files import PAGES, SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from pathlib import Path

JSON = f"fintech/dev/{PAGES.value}.json"
JSONL = f"fintech/dev/{PAGES.value}.jsonl"


def pretty(records: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(each, indent=2) for each in records)


def dense(records: list[dict[str, Any]]) -> str:
    return "".join(map(json.dumps, records))


LAYOUTS = {
    "in items": (json.dumps({"items": pages()}), "json-v1"),
    "in data, spread out": (json.dumps({"total": 3, "data": pages(), "next": None}, indent=1), "json-v1"),
    "in any member": (json.dumps({"wiki": pages()}), "json-v1"),
    "in items of an unknown version": (json.dumps({"format_version": 3, "items": pages()}), "unknown"),
    "in items with metadata": (json.dumps({"metadata": {"tags": ["x"]}, "items": pages()}), "json-v1"),
    "several answers": (json.dumps({"values": pages()[:2]}) + json.dumps({"values": pages()[2:]}), "json-v1"),
    "several arrays": (json.dumps(pages()[:2]) + json.dumps(pages()[2:]), "json-array"),
    "several arrays, an empty one": (
        f"{json.dumps(pages()[:2])}\n[]\n{json.dumps(pages()[2:])}\n",
        "json-array",
    ),
    "pretty-printed": (pretty(pages()), "json-objects"),
    "one after another": (dense(pages()), "json-objects"),
    "one after another, with a mark": ("\ufeff" + dense(pages()), "json-objects"),
    "one after another, with spaces": (" ".join(map(json.dumps, pages())), "json-objects"),
    "one a line": (lines(pages()), "jsonl"),
}


@pytest.mark.parametrize("suffix", ["json", "jsonl", "ndjson", "csv", "tsv"])
@pytest.mark.parametrize("name", LAYOUTS)
async def test_every_layout_gives_its_records(repository: RepositoryFiles, name: str, suffix: str) -> None:
    text, expected = LAYOUTS[name]
    repository.write(f"fintech/dev/{PAGES.value}.{suffix}", text)
    template = await repository.load_only_template()
    assert template.format == expected
    assert [msgspec.json.decode(line) for line in repository.read_records(template)] == pages()
    assert repository.populate(template).report.score == 100.0


@pytest.mark.parametrize("name", [each for each in LAYOUTS if each.startswith(("in ", "several answers"))])
async def test_records_that_are_found_in_a_member_are_said_to_be(
    repository: RepositoryFiles, name: str
) -> None:
    repository.write(JSON, LAYOUTS[name][0])
    template = await repository.load_only_template()
    content = repository.populate(template)
    assert any("Its records were recognised in its member" in each for each in template.warnings)
    assert content.warnings == template.warnings


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    texts=st.lists(st.text(st.sampled_from('a"\\{}[],:\né'), max_size=12), min_size=1, max_size=6),
    between=st.sampled_from(["", " ", "\n", "\r\n\t"]),
    indent=st.sampled_from([None, 1]),
    chunk=st.sampled_from([1, 7, 1000]),
)
def test_objects_are_split_at_their_ends_whatever_their_texts(
    tmp_path: Path, texts: list[str], between: str, indent: int | None, chunk: int
) -> None:
    repository = RepositoryFiles(tmp_path)
    records = [each | {"body": text} for each, text in zip(pages(len(texts)), texts, strict=True)]
    repository.write(JSON, between.join(json.dumps(each, indent=indent) for each in records))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "CHUNK", chunk)
        (template,) = repository.templates.list_templates()
        assert [msgspec.json.decode(line) for line in repository.read_records(template)] == records


async def test_elements_that_are_null_are_skipped_and_counted(repository: RepositoryFiles) -> None:
    with_nulls = [None, pages()[0], None, *pages()[1:], None]
    for text in (
        json.dumps(with_nulls),
        "".join(json.dumps(each) + "\n" for each in with_nulls),
        json.dumps({"records": with_nulls}),
    ):
        repository.write(JSON, text)
        content = repository.populate(await repository.load_only_template())
        assert content.record_count == 3
        assert content.warnings == ("3 records are null and were skipped; positions count the others.",)


async def test_a_record_is_no_description_for_having_one_of_its_members(repository: RepositoryFiles) -> None:
    records = [each | {"metadata": {"a": 1}, "source": {"b": 2}, "history": [{"c": 3}]} for each in pages()]
    repository.write(JSON, lines(records))
    template = await repository.load_only_template()
    assert (template.format, repository.populate(template).record_count) == ("jsonl", 3)


async def test_a_description_is_no_record_for_having_its_name(repository: RepositoryFiles) -> None:
    text = json.dumps({"name": "Ours", "metadata": {}, "source": {"file": "r.json"}})
    repository.write("fintech/dev/github_repos.json", text)
    assert (await repository.load_only_template()).name == "Ours"


async def test_a_record_that_is_longer_than_a_window_is_recognised_by_its_end(
    repository: RepositoryFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "CHUNK", 16)
    repository.write(JSON, lines([{"body": "x" * 200, **each} for each in pages()]))
    assert (await repository.load_only_template()).format == "jsonl"


REFUSED: dict[str, tuple[str, type[TemplateInvalidError], str, str]] = {
    "several arrays of objects": (
        json.dumps({"pages": pages(), "people": [{"a": 1}]}),
        TemplateFormatUnknownError,
        r"an object with several arrays of objects \(pages, people\)",
        "version 1 or 2",
    ),
    "no records in it": ('{"items": []}', TemplateInvalidError, "holds no records", "templates validate"),
    "commas between objects": (
        ",\n".join(map(json.dumps, pages())),
        TemplateInvalidError,
        "has ',' after record 1, where the next object is expected",
        "templates validate",
    ),
    "an object that does not end": (
        dense(pages())[:-30],
        TemplateInvalidError,
        "ends in the middle of record 3",
        "templates validate",
    ),
    "an object within a text that does not end": (
        pretty(pages()) + '\n{"page_id": "1',
        TemplateInvalidError,
        "ends in the middle of record 4",
        "templates validate",
    ),
    "Git LFS": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        TemplateInvalidError,
        "is a Git LFS pointer",
        "git lfs pull",
    ),
    "gzip": ("\x1f\x08", TemplateFormatUnknownError, "begins with", "version 1 or 2"),
    "Confluence's XML": (
        '<?xml version="1.0"?>\n<hibernate-generic datetime="2024-03-12">',
        TemplateInvalidError,
        "is a space exported from Confluence as XML",
        "templates import confluence-xml",
    ),
    "Jira's answer": (
        json.dumps(
            {"startAt": 0, "total": 1, "issues": [{"id": "1", "key": "A-1", "fields": {"summary": "x"}}]}
        ),
        TemplateInvalidError,
        "is an answer of Jira's REST API",
        "templates import jira-rest",
    ),
    "Jira's issues": (
        json.dumps([{"id": "1", "key": "A-1", "fields": {"summary": "x"}}]),
        TemplateInvalidError,
        "is an answer of Jira's REST API",
        "templates import jira-rest",
    ),
    "Confluence's answer": (
        json.dumps(
            {"results": [{"id": "1", "title": "t", "body": {"storage": {"value": "<p/>"}}}], "_links": {}}
        ),
        TemplateInvalidError,
        "is an answer of Confluence's REST API",
        "templates import confluence-rest",
    ),
    "a day of Slack": (
        json.dumps([{"type": "message", "user": "U1", "text": "Hi", "ts": "1512085950.000216"}], indent=1),
        TemplateInvalidError,
        "is a part of a Slack export",
        "templates import slack-export",
    ),
    "GraphQL": (
        json.dumps({"data": {"search": {"nodes": [{"nameWithOwner": "a/b"}]}}}),
        TemplateInvalidError,
        "is an answer of GitHub's API",
        "templates import github",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_not_read_is_named_with_what_to_do(repository: RepositoryFiles, name: str) -> None:
    text, error, problem, action = REFUSED[name]
    repository.write(JSON, text)
    with pytest.raises(error, match=problem) as refused:
        repository.populate(await repository.load_only_template())
    assert type(refused.value) is error
    assert refused.value.facts["file"] == f"{SUBDIR}/{JSON}"
    assert action in refused.value.suggested_action
    (report,) = await repository.templates.validate(NOW)
    assert refused.value.message in report.problems[0]
