from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import msgspec
import pytest

from domain.errors import MockDataMissingError, Recovery, TemplateFormatUnknownError, TemplateInvalidError
from domain.model.enums import Stage
from tests.support.content.records import template_record
from tests.support.content.repository_files import PAGES, SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.errors import LifecycleError

JSON = "fintech/dev/confluence_pages.json"
JSONL = "fintech/dev/confluence_pages.jsonl"
CSV = "fintech/dev/confluence_pages.csv"
HEADER = "page_id,title,body,space_key,author_email,last_modified"
ROW = "1001,Ledger,<p>Posts</p>,PAY,ada@acme.example,2026-05-01T10:00:00Z"


def v2(**changes: object) -> str:
    whole = {"format_version": 2, "name": "Pages", "source": {"records": pages()}} | changes
    return json.dumps({name: value for name, value in whole.items() if value is not None})


# --- every format gives the same records ---------------------------------------------------------------------------

FORMATS = {
    "v1": (JSON, json.dumps({"metadata": {"stage": "pilot"}, "records": pages()}), "json-v1"),
    "v1, metadata last": (JSON, json.dumps({"records": pages(), "metadata": {"stage": "pilot"}}), "json-v1"),
    "v1 that says so": (JSON, json.dumps({"format_version": 1, "records": pages()}), "json-v1"),
    "v1, spread out": (JSON, json.dumps({"records": pages()}, indent=2), "json-v1"),
    "array": (JSON, json.dumps(pages()), "json-array"),
    "array, spread out": (JSON, json.dumps(pages(), indent=2), "json-array"),
    "array with a byte order mark": (JSON, "\ufeff" + json.dumps(pages()), "json-array"),
    "array in a file of lines": (JSONL, json.dumps(pages()), "json-array"),
    "lines": (JSONL, lines(pages()), "jsonl"),
    "lines without the last end": (JSONL, lines(pages()).rstrip(), "jsonl"),
    "lines of Windows, some empty": (JSONL, "\ufeff" + lines(pages()).replace("\n", "\r\n\r\n"), "jsonl"),
    "lines in a file of JSON": (JSON, lines(pages()), "jsonl"),
    "v2": (JSON, v2(), "v2"),
    "v2, records at the top": (JSON, v2(source=None, records=pages()), "v2"),
}


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_gives_its_records(repository: RepositoryFiles, name: str) -> None:
    file, text, expected = FORMATS[name]
    repository.write(file, text)
    template = await repository.load_only_template()
    assert template.format == expected
    assert [msgspec.json.decode(line) for line in repository.read_records(template)] == pages()
    assert repository.populate(template).report.score == 100.0


async def test_csv_gives_numbers_lists_and_only_what_is_there(repository: RepositoryFiles) -> None:
    repository.write(
        "fintech/dev/github_repos.csv",
        "\ufeffrepo name,Owner,stars,issues,topics,language,maintainer_email,owner\n"
        'ledger,x,3,many,"a; b;",Kotlin,,acme\n\nbooks,x,4,0,"[""c""]",Go,,acme\nbills,x,,0,[c,"Go\nand C",,acme\n',
    )
    found = [
        msgspec.json.decode(line) for line in repository.read_records(await repository.load_only_template())
    ]
    shared = {"Owner": "x", "owner": "acme"}
    assert found == [
        shared | {"name": "ledger", "stars": 3, "issues": "many", "topics": ["a", "b"], "language": "Kotlin"},
        shared | {"name": "books", "stars": 4, "issues": 0, "topics": ["c"], "language": "Go"},
        shared | {"name": "bills", "issues": 0, "topics": "[c", "language": "Go\nand C"},
    ]


async def test_more_rows_than_a_batch_come_in_order(repository: RepositoryFiles) -> None:
    repository.write(CSV, HEADER + "\n" + "".join(ROW.replace("1001", str(n)) + "\n" for n in range(600)))
    found = [
        msgspec.json.decode(line)["page_id"]
        for line in repository.read_records(await repository.load_only_template())
    ]
    assert found == [str(n) for n in range(600)]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pages.records.jsonl", lines(pages())),
        ("pages.json", json.dumps(pages())),
        ("more/pages.json", json.dumps(pages())),
        (
            "confluence_pages.csv",
            "\n".join([HEADER, *(ROW.replace("1001", str(1000 + n)) for n in (1, 2, 3))]),
        ),
    ],
)
async def test_version_2_reads_a_file_beside_it(repository: RepositoryFiles, file: str, text: str) -> None:
    repository.write(JSON, v2(source={"file": file}))
    repository.write(f"fintech/dev/{file}", text)
    template = await repository.load_only_template()
    assert (template.format, template.warnings) == ("v2", ())
    assert [msgspec.json.decode(line) for line in repository.read_records(template)] == pages()


async def test_what_a_template_says_of_itself_is_read(repository: RepositoryFiles) -> None:
    metadata = {"stage": "pilot", "tags": ["story"], "custom_fields": {"language": "en"}, "data_type": "mock"}
    repository.write(JSON, v2(metadata=metadata, default_record_count=3, schema={"type": "object"}))
    found = await repository.load_only_template()
    assert (found.template_id, found.name) == ("fintech/dev/confluence_pages", "Pages")
    assert (found.industry, found.use_case, found.stage) == ("fintech", "dev", Stage.PILOT)
    assert (found.tags, found.custom_fields) == (("story",), {"language": "en"})
    assert (found.schema, found.default_record_count, found.version) == ({"type": "object"}, 3, 2)
    assert found.source == f"{SUBDIR}/{JSON}"
    assert found.checksum is not None
    assert len(found.checksum) == 64


async def test_what_a_template_says_wrongly_is_left_out_with_a_warning(repository: RepositoryFiles) -> None:
    metadata = {"stage": "moon", "tags": "x", "custom_fields": [1], "industry": "retail", "use_case": "dev"}
    repository.write(JSON, v2(metadata=metadata, default_record_count=0))
    found = await repository.load_only_template()
    assert (found.stage, found.tags, found.custom_fields) == (Stage.SANDBOX, (), {})
    assert (found.industry, found.default_record_count) == ("fintech", None)
    assert found.warnings == (
        "'stage' is not of the expected type and was ignored.",
        "'tags' is not of the expected type and was ignored.",
        "'custom_fields' is not of the expected type and was ignored.",
        "'default_record_count' is 0; a number of records is at least 1, so it was ignored.",
        "Its metadata name the industry retail, but its folder fintech, which is used.",
    )


@pytest.mark.parametrize("version", [3, "2.1", [2], "x" * 100])
async def test_an_unknown_version_with_records_serves_with_a_warning(
    repository: RepositoryFiles, version: object
) -> None:
    repository.write(JSON, v2(format_version=version))
    template = await repository.load_only_template()
    content = repository.populate(template)
    assert (template.format, content.record_count) == ("unknown", 3)
    assert len(content.warnings) == 1
    assert "is unknown; its records were recognised all the same" in content.warnings[0]


async def test_a_template_s_own_schema_is_applied(repository: RepositoryFiles) -> None:
    repository.write(JSON, v2(schema={"properties": {"title": {"maxLength": 3}}}))
    report = repository.populate(await repository.load_only_template()).report
    assert [each.failed for each in report.checks if each.check == "schema_conformity"] == [3]


# --- bad input: a typed error that names the file ------------------------------------------------------------------

BAD: dict[str, tuple[str, str | bytes, type[LifecycleError | TemplateInvalidError], str, int | None]] = {
    "empty file": (JSON, "", TemplateFormatUnknownError, "an empty file", None),
    "blank file": (JSONL, " \n\n", TemplateFormatUnknownError, "an empty file", None),
    "only a byte order mark": (JSON, "\ufeff", TemplateFormatUnknownError, "an empty file", None),
    "no JSON": (JSON, "<xml/>", TemplateFormatUnknownError, "begins with '<'", None),
    "UTF-16": (JSON, json.dumps(pages()).encode("utf-16"), TemplateInvalidError, "is UTF-16", None),
    "UTF-16, no mark": (
        JSON,
        json.dumps(pages()).encode("utf-16-le"),
        TemplateInvalidError,
        "is UTF-16",
        None,
    ),
    "UTF-32": (JSONL, lines(pages()).encode("utf-32"), TemplateInvalidError, "is UTF-32", None),
    "Latin-1 lines": (
        JSONL,
        lines(pages(1)).encode() + '{"page_id": "ü"}'.encode("latin-1"),
        TemplateInvalidError,
        "record 2 is not UTF-8",
        2,
    ),
    "Latin-1 array": (
        JSON,
        '[{"page_id": "ü"}]'.encode("latin-1"),
        TemplateInvalidError,
        "record 1 is not UTF-8",
        1,
    ),
    "Latin-1 metadata": (
        JSON,
        '{"metadata": {"a": "ü"}, "records": []}'.encode("latin-1"),
        TemplateInvalidError,
        "'metadata' cannot be read",
        None,
    ),
    "broken line": (JSONL, lines(pages(2)) + '{"page_id"\n', TemplateInvalidError, "record 3 is not JSON", 3),
    "broken in an array": (
        JSON,
        '[{"page_id": "1", "a": x}]',
        TemplateInvalidError,
        "record 1 is not JSON",
        1,
    ),
    "first line broken": (
        JSONL,
        '{"page_id": x}\n' + lines(pages()),
        TemplateInvalidError,
        "record 1 is not",
        1,
    ),
    "first line broken, json": (
        JSON,
        '{"page_id": x}\n' + lines(pages()),
        TemplateInvalidError,
        "record 1 is",
        1,
    ),
    "truncated array": (
        JSON,
        json.dumps(pages())[:-40],
        TemplateInvalidError,
        "ends in the middle of record 3",
        3,
    ),
    "truncated lines": (JSONL, lines(pages())[:-40], TemplateInvalidError, "record 3 is not JSON", 3),
    "truncated v1": (
        JSON,
        json.dumps({"records": pages()})[:-1],
        TemplateInvalidError,
        "it ends where ','",
        None,
    ),
    "truncated head": (
        JSON,
        '{"metadata": {"stage": "pi',
        TemplateInvalidError,
        "ends in the middle of",
        None,
    ),
    "truncated name": (JSON, '{"records": [], "met', TemplateInvalidError, "a member has no name", None),
    "no colon": (JSON, '{"metadata": {}, "records" []}', TemplateInvalidError, "has '\\[' where ':'", None),
    "no name": (JSON, '{"records": [], 5}', TemplateInvalidError, "a member has no name", None),
    "name with a bad escape": (
        JSON,
        '{"records": [], "\\x": 5}',
        TemplateInvalidError,
        "name cannot be read",
        None,
    ),
    "members without records": (
        JSON,
        '{"metadata": {"a": "',
        TemplateInvalidError,
        "ends in the middle of",
        None,
    ),
    "goes on, array": (
        JSON,
        json.dumps(pages()) + "x",
        TemplateInvalidError,
        "continues after the end",
        None,
    ),
    "goes on, object": (JSON, v2() + "x", TemplateInvalidError, "continues after the end", None),
    "lone surrogate": (JSONL, '{"page_id": "1", "body": "\\ud800"}', TemplateInvalidError, "surrogate", 1),
    "empty array": (JSON, "[]", TemplateInvalidError, "holds no records", None),
    "empty records": (
        JSON,
        '{"metadata": {}, "records": []}',
        TemplateInvalidError,
        "holds no records",
        None,
    ),
    "no id": (JSONL, lines([{"title": "x"}]), TemplateInvalidError, "record 1 has no page_id", 1),
    "no object": (JSON, "[1]", TemplateInvalidError, "record 1 is not a JSON object", 1),
    "no records": (JSON, '{"metadata": {}}', TemplateFormatUnknownError, "an object without records", None),
    "empty object in v2": (
        JSON,
        '{"source": {}}',
        TemplateFormatUnknownError,
        "an object without records",
        None,
    ),
    "records no array": (
        JSON,
        '{"records": 7}',
        TemplateFormatUnknownError,
        "an object without records",
        None,
    ),
    "unknown version": (
        JSON,
        v2(format_version=9, source=None),
        TemplateFormatUnknownError,
        r"version 9\)",
        None,
    ),
    "schema that is none": (
        JSON,
        v2(schema={"type": "thing"}),
        TemplateInvalidError,
        "not a JSON Schema",
        None,
    ),
    "schema elsewhere": (
        JSON,
        v2(schema={"$ref": "https://elsewhere.example/schema"}),
        TemplateInvalidError,
        "not a JSON Schema",
        None,
    ),
    "generator": (JSON, v2(source={"generator": {}}), TemplateInvalidError, "generates its records", None),
    "CSV, empty": (CSV, "", TemplateInvalidError, "holds no records", None),
    "CSV, header only": (CSV, HEADER + "\n", TemplateInvalidError, "holds no records", None),
    "CSV, too few cells": (
        CSV,
        f"{HEADER}\n{ROW}\n1002,x\n",
        TemplateInvalidError,
        r"has 2 cells in row 3 of the file \(record 2\)",
        2,
    ),
    "CSV, too many cells": (
        CSV,
        f"{HEADER}\n{ROW},x\n",
        TemplateInvalidError,
        r"7 cells in row 2 of the file \(record 1\); the header has 6",
        1,
    ),
    "CSV, open quote": (
        CSV,
        f'{HEADER}\n{ROW}\n"1002',
        TemplateInvalidError,
        "in the middle of a quoted cell, after record 1",
        2,
    ),
    "CSV, Latin-1": (CSV, f"{HEADER}\n{ROW}ü\n".encode("latin-1"), TemplateInvalidError, "is not UTF-8", 1),
    "CSV, no id": (CSV, "title\nx\n", TemplateInvalidError, "record 1 has no page_id", 1),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_refused_naming_the_file(repository: RepositoryFiles, name: str) -> None:
    file, text, error, problem, position = BAD[name]
    repository.write(file, text)
    template = await repository.load_only_template()
    with pytest.raises(error, match=problem) as refused:
        repository.populate(template)
    found = refused.value
    assert type(found) is error
    assert found.facts["file"] == f"{SUBDIR}/{file}"
    assert found.facts.get("position") == position
    assert str(repository.root) not in found.message


async def test_an_unknown_format_says_what_was_found_and_what_expected(repository: RepositoryFiles) -> None:
    repository.write(JSON, v2(format_version=9, source=None))
    with pytest.raises(TemplateFormatUnknownError) as refused:
        repository.populate(await repository.load_only_template())
    assert refused.value.as_dict()["found"] == "an object without records (version 9)"
    assert '"format_version": 2' in refused.value.as_dict()["expected"]


async def test_a_generator_says_to_choose_another_template(repository: RepositoryFiles) -> None:
    repository.write(JSON, v2(source={"generator": {}}))
    with pytest.raises(TemplateInvalidError) as refused:
        repository.populate(await repository.load_only_template())
    assert refused.value.recovery is Recovery.CHOOSE_OTHER


async def test_duplicate_ids_are_counted_and_not_pushed(repository: RepositoryFiles) -> None:
    repository.write(JSONL, lines([*pages(3), template_record(PAGES, 1)]))
    content = repository.populate(await repository.load_only_template())
    assert content.record_count == 3


async def test_of_two_members_of_one_name_the_last_counts(repository: RepositoryFiles) -> None:
    repository.write(JSONL, lines(pages(1)).replace('"title":', '"title": "first", "title":'))
    content = repository.populate(await repository.load_only_template())
    assert (content.record_count, content.report.score) == (1, 100.0)


async def test_fewer_records_than_asked_for_are_refused_naming_how_many(repository: RepositoryFiles) -> None:
    repository.write(JSONL, lines(pages(3)))
    with pytest.raises(TemplateInvalidError, match="holds 3 records; the call asked for 4"):
        repository.populate(await repository.load_only_template(), wanted=4)


async def test_a_body_of_almost_five_megabytes_is_read_from_csv_too(repository: RepositoryFiles) -> None:
    repository.write(CSV, f"{HEADER}\n{ROW.replace('<p>Posts</p>', 'x' * 4_900_000)}\n")
    assert repository.populate(await repository.load_only_template()).size_bytes > 4_900_000


# --- the file itself -----------------------------------------------------------------------------------------------

OUTSIDE = ["../../../../../elsewhere.jsonl", "/etc/passwd", "a\0b", "../../../../..", "../../../.."]


@pytest.mark.parametrize("file", OUTSIDE)
async def test_a_file_outside_the_repository_is_refused(repository: RepositoryFiles, file: str) -> None:
    (repository.root.parent / "elsewhere.jsonl").write_text(lines(pages()))
    repository.write(JSON, v2(source={"file": file}))
    with pytest.raises(TemplateInvalidError, match="outside the repository") as refused:
        repository.populate(await repository.load_only_template())
    assert refused.value.facts["record_field"] == "source.file"


@pytest.mark.parametrize("link", ["pages.jsonl", "inner"])
async def test_a_file_reached_through_a_symbolic_link_is_refused(
    repository: RepositoryFiles, link: str
) -> None:
    file = "pages.jsonl" if link == "pages.jsonl" else "inner/pages.jsonl"
    repository.write(JSON, v2(source={"file": file}))
    elsewhere = repository.root.parent / f"{repository.root.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pages.jsonl").write_text(lines(pages()))
    target = elsewhere / "pages.jsonl" if link == "pages.jsonl" else elsewhere
    (repository.folder / "fintech/dev" / link).symlink_to(target)
    with pytest.raises(TemplateInvalidError, match="symbolic link"):
        repository.populate(await repository.load_only_template())


async def test_a_template_that_is_a_link_is_listed_and_refused(repository: RepositoryFiles) -> None:
    path = repository.write("fintech/dev/kept.jsonl", lines(pages()))
    (path.parent / "confluence_pages.jsonl").symlink_to(path)
    template = await repository.load_only_template()
    assert (template.format, "symbolic link" in template.warnings[0]) == ("unknown", True)
    with pytest.raises(TemplateInvalidError, match="symbolic link"):
        repository.populate(template)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [_pipe, lambda path: path.mkdir()])
async def test_what_is_no_regular_file_is_refused(
    repository: RepositoryFiles, make: Callable[[Path], None]
) -> None:
    repository.write(JSON, v2(source={"file": "pages.jsonl"}))
    make(repository.folder / "fintech/dev/pages.jsonl")
    with pytest.raises(TemplateInvalidError, match="is not a regular file"):
        repository.populate(await repository.load_only_template())


async def test_a_file_that_is_missing_is_named(repository: RepositoryFiles) -> None:
    repository.write(JSON, v2(source={"file": "gone.jsonl"}))
    with pytest.raises(MockDataMissingError, match=r"fintech/dev/gone\.jsonl is not in the repository"):
        repository.populate(await repository.load_only_template())


def _replace(path: Path) -> None:
    path.with_suffix(".new").write_bytes(path.read_bytes())
    path.with_suffix(".new").replace(path)


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\n")


@pytest.mark.parametrize("change", [_replace, _append, lambda path: path.unlink()])
@pytest.mark.parametrize("beside", [False, True])
async def test_a_file_that_changes_while_it_is_read_is_refused(
    repository: RepositoryFiles, change: Callable[[Path], None], beside: bool
) -> None:
    path = repository.write("fintech/dev/pages.jsonl" if beside else JSONL, lines(pages()))
    if beside:
        repository.write(JSON, v2(source={"file": "pages.jsonl"}))
    template = await repository.load_only_template()

    def read() -> None:
        with repository.templates.open_records(template) as stream:
            next(iter(stream))
            change(path)

    with pytest.raises(TemplateInvalidError, match="was changed while it was being read"):
        read()


async def test_a_template_within_a_template_is_refused(repository: RepositoryFiles) -> None:
    repository.write(JSON, v2(source={"file": "inner.json"}))
    repository.write("fintech/dev/inner.json", v2())
    with pytest.raises(TemplateFormatUnknownError, match="a template within a template"):
        repository.populate(await repository.load_only_template())


@pytest.mark.parametrize(
    ("document", "is_relative"),
    [
        (v2(time="relative"), True),
        (json.dumps({"metadata": {"time": "relative"}, "records": pages()}), True),
        (v2(), False),
        (v2(time="absolute"), False),
    ],
)
async def test_a_template_says_whether_its_time_is_relative(
    repository: RepositoryFiles, document: str, is_relative: bool
) -> None:
    repository.write(JSON, document)
    template = await repository.load_only_template()
    assert template.is_relative is is_relative
    assert repository.populate(template).record_count > 0
    ignored = [each for each in template.warnings if each.startswith("'time' is absolute")]
    assert len(ignored) == ('"absolute"' in document)
