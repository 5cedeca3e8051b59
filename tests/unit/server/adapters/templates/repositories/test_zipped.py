"""A zip of a repository is read as the folder would be; what leads out of it, or cannot be read whole, is refused."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import MockDataMissingError, TemplateInvalidError
from domain.model import DatasetType
from server.adapters.templates import RepositoryTemplates
from server.adapters.templates.repositories import zipped
from tests.support.content.compressing import to_gzip, zip_files, zip_folder
from tests.support.content.records import NOW, template_record
from tests.support.content.repository_files import SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from domain.model import Template

PLACE = f"{SUBDIR}/fintech/dev"
GOOD = f"{PLACE}/confluence_pages.jsonl"
BAD = f"{PLACE}/jira_issues.jsonl"
PAGES = lines(pages())
ISSUES = lines([template_record(DatasetType.JIRA_ISSUES, each) for each in range(1, 4)])
QUESTIONS = json.dumps({"questions": [{"question": "Who?", "documents": {"jira_issues": ["PAY-1"]}}]})


def write_zip(folder: Path, content: bytes | Mapping[str, str | bytes]) -> RepositoryTemplates:
    path = folder / "repository.zip"
    path.write_bytes(content if isinstance(content, bytes) else zip_files(content))
    return RepositoryTemplates(path)


def read(templates: RepositoryTemplates, template: Template) -> list[bytes]:
    with templates.open_records(template) as stream:
        return [each for batch in stream for each in batch]


def unreadable(templates: RepositoryTemplates) -> TemplateInvalidError:
    """The error of the bad template, beside which the good one is read."""
    good, bad = templates.list_templates()
    assert len(read(templates, good)) == 3
    with pytest.raises(TemplateInvalidError) as refused:
        read(templates, bad)
    assert bad.format == "unknown"
    assert refused.value.message in bad.warnings[0]
    assert refused.value.facts["file"] == BAD
    return refused.value


# --- as a folder ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(repository: RepositoryFiles) -> RepositoryFiles:
    """A repository with something of everything that a folder may hold and a zip, too."""
    repository.write("fintech/dev/confluence_pages.json.gz", to_gzip(json.dumps(pages()).encode()))
    repository.write("fintech/dev/jira_issues.jsonl", ISSUES)
    repository.write("fintech/dev/jira_issues.csv", "key\n")
    repository.write("fintech/dev/questions.json", QUESTIONS)
    repository.write(
        "retail/support/confluence_pages.json",
        '{"format_version": 2, "source": {"file": "../../../../shared/p.jsonl"}}',
    )
    repository.write("default/confluence_pages.csv", "page_id;title\n1;é\n")
    repository.write("Fintech/dev/jira_issues.json", "{")
    repository.write("fintech/dev/v1/jira_issues.csv", "key\n")
    repository.write("fintech/dev/.git/config", "x")
    repository.write("fintech/dev/all.tar.gz", "x")
    repository.write("README.md", "x")
    (repository.folder / "empty/one").mkdir(parents=True)
    (repository.root / "shared").mkdir()
    (repository.root / "shared/p.jsonl").write_text(PAGES)
    return repository


@pytest.mark.parametrize("top", ["", "mock-data-main", "mock data (1)"])
async def test_a_zip_is_listed_validated_and_read_as_its_folder_is(
    folder: RepositoryFiles, tmp_path_factory: pytest.TempPathFactory, top: str
) -> None:
    templates = write_zip(tmp_path_factory.mktemp("zips"), zip_folder(folder.root, top))
    listed = templates.list_templates()
    assert listed == folder.templates.list_templates()
    assert await templates.validate(NOW) == await folder.templates.validate(NOW)
    assert templates.find_notice() is None
    for each in listed:
        if each.format != "unknown":
            assert read(templates, each) == folder.read_records(each)
    assert len(listed) == 5


async def test_records_of_a_zip_are_read_again_while_they_are_read(tmp_path: Path) -> None:
    templates = write_zip(tmp_path, {GOOD: lines(pages(2000))})
    (template,) = templates.list_templates()
    with templates.open_records(template) as stream:
        batches = iter(stream)
        first = list(next(batches))
        again = [each for batch in stream.read_again() for each in batch]
        assert again == [*first, *(each for batch in batches for each in batch)]


async def test_a_zip_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    templates = write_zip(tmp_path, {GOOD: PAGES})
    (before,) = templates.list_templates()
    write_zip(tmp_path, {GOOD: lines(pages(2))})
    (after,) = templates.list_templates()
    assert before.checksum != after.checksum
    assert len(read(templates, after)) == 2


@pytest.mark.parametrize("is_gone", [False, True])
async def test_a_zip_that_is_changed_while_it_is_read_is_refused(tmp_path: Path, is_gone: bool) -> None:
    templates = write_zip(tmp_path, {GOOD: PAGES})
    (template,) = templates.list_templates()

    def read_and_change() -> None:
        with templates.open_records(template) as stream:
            assert list(stream)
            path = tmp_path / "repository.zip"
            path.unlink()
            if not is_gone:
                write_zip(tmp_path, {GOOD: PAGES, BAD: ISSUES})

    with pytest.raises(TemplateInvalidError, match=r"repository\.zip was changed while it was being read"):
        read_and_change()


@pytest.mark.parametrize("name", ["./" + GOOD, GOOD.replace("/", "//", 1)])
async def test_names_are_read_as_paths(tmp_path: Path, name: str) -> None:
    templates = write_zip(tmp_path, {name: PAGES})
    (template,) = templates.list_templates()
    assert (template.source, len(read(templates, template))) == (GOOD, 3)


async def test_what_macos_adds_to_a_zip_is_not_listed(tmp_path: Path) -> None:
    templates = write_zip(tmp_path, {GOOD: PAGES, f"__MACOSX/{PLACE}/._confluence_pages.jsonl": "x"})
    assert [each.file for each in await templates.validate(NOW)] == [GOOD]


async def test_a_file_that_a_template_names_is_not_taken_from_beside_the_repository(tmp_path: Path) -> None:
    source = '{"format_version": 2, "source": {"file": "../../../../../other/pages.jsonl"}}'
    files = {f"main/{PLACE}/confluence_pages.json": source, "other/pages.jsonl": PAGES}
    (template,) = write_zip(tmp_path, files).list_templates()
    assert "names a file outside the repository" in template.warnings[0]


@pytest.mark.parametrize(
    ("file", "problem"), [("x.jsonl", "is not in the repository"), ("v1", "not a regular file")]
)
async def test_a_named_file_that_is_missing_or_a_folder_is_an_error(
    tmp_path: Path, file: str, problem: str
) -> None:
    source = json.dumps({"format_version": 2, "source": {"file": file}})
    templates = write_zip(tmp_path, {f"{PLACE}/confluence_pages.json": source, f"{PLACE}/v1/x.md": "x"})
    (template,) = templates.list_templates()
    with pytest.raises((TemplateInvalidError, MockDataMissingError), match=problem):
        read(templates, template)


# --- a zip that is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x.json", "a/../../x", "/etc/x", "C:/x", "..\\x", "\\x", "a\\..\\x"])
async def test_a_zip_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    templates = write_zip(tmp_path, {GOOD: PAGES, name: "x"})
    with pytest.raises(MockDataMissingError, match="holds a name that is no path inside of it") as refused:
        templates.list_templates()
    assert refused.value.field == "mock_data_repo.path"
    assert refused.value.suggested_action == "Unpack it and look at it; then name the folder."


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_zip_that_is_cut_off_anywhere_is_refused(tmp_path: Path, share: float) -> None:
    content = zip_files({GOOD: lines(pages(100)), BAD: ISSUES})
    templates = write_zip(tmp_path, content[: int(len(content) * share)])
    with pytest.raises(MockDataMissingError, match="is no zip, or is damaged, or was cut off") as refused:
        templates.list_templates()
    assert "copy or download it again" in refused.value.suggested_action


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_zip_with_one_wrong_bit_is_never_half_read(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(zip_files({"é.md": "x", GOOD: lines(pages(100))}))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    templates = write_zip(tmp_path, bytes(content))
    with suppress(TemplateInvalidError, MockDataMissingError):
        for each in templates.list_templates():
            assert b"\n".join(read(templates, each)) + b"\n" == lines(pages(100)).encode()


async def test_a_zip_whose_folders_lie_too_deep_is_refused(tmp_path: Path) -> None:
    templates = write_zip(tmp_path, {GOOD: PAGES, "a/" * 100 + "x": "x"})
    assert len(templates.list_templates()) == 1
    templates = write_zip(tmp_path, {GOOD: PAGES, "a/" * 30_000 + "x": "x"})
    with pytest.raises(MockDataMissingError, match="has folders that lie more than 100 deep"):
        templates.list_templates()


async def test_a_zip_with_a_file_that_is_a_folder_too_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MockDataMissingError, match=r"jira_issues\.jsonl as a file and as a folder"):
        write_zip(tmp_path, {GOOD: PAGES, BAD: ISSUES, f"{BAD}/x.md": "x"}).list_templates()


async def test_a_zip_with_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    content = zip_files({GOOD: PAGES, "é.md": "x"})
    with pytest.raises(MockDataMissingError, match="is no zip, or is damaged"):
        write_zip(tmp_path, content.replace("é".encode(), b"\xff\xff")).list_templates()


@pytest.mark.parametrize("begin", [0x7FFFFFFF, 1, 40])
async def test_a_file_whose_place_in_the_zip_is_wrong_is_refused(tmp_path: Path, begin: int) -> None:
    content = bytearray(zip_files({GOOD: PAGES, BAD: ISSUES}))
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 42, begin)
    assert "is damaged: its zip data cannot be" in unreadable(write_zip(tmp_path, bytes(content))).message


async def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MockDataMissingError, match="is no zip") as refused:
        write_zip(tmp_path, PAGES.encode()).list_templates()
    assert "Name the folder of a repository" in refused.value.suggested_action


@pytest.mark.parametrize("files", [{}, {"a/README.md": "x"}, {f"a/b/{GOOD}": PAGES}])
async def test_a_zip_without_templates_is_refused(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(MockDataMissingError, match="has no folder mock_data/templates") as refused:
        write_zip(tmp_path, dict(files)).list_templates()
    assert "Zip the folder that has mock_data in it" in refused.value.suggested_action


async def test_a_zip_with_an_empty_folder_of_templates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MockDataMissingError, match="contains no templates"):
        write_zip(tmp_path, {f"{SUBDIR}/": ""}).list_templates()


async def test_a_zip_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    templates = write_zip(tmp_path, {GOOD: PAGES})

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", deny)
    with pytest.raises(MockDataMissingError, match="cannot be read: Permission denied"):
        templates.list_templates()


async def test_what_a_zip_may_hold_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    templates = write_zip(tmp_path, {GOOD: PAGES, BAD: ISSUES})
    monkeypatch.setattr(zipped, "MOST_BYTES", len(PAGES) + len(ISSUES) - 1)
    with pytest.raises(MockDataMissingError, match="unpacks to more than 0 GiB"):
        templates.list_templates()
    monkeypatch.setattr(zipped, "MOST_FILES", 1)
    with pytest.raises(MockDataMissingError, match="holds more than 1 files"):
        templates.list_templates()


# --- a file of a zip that is refused -------------------------------------------------------------------------------


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    ("mode", "problem"), [(0o120777, "is a symbolic link"), (0o010644, "not a regular file")]
)
async def test_a_link_or_a_pipe_in_a_zip_is_not_read(tmp_path: Path, mode: int, problem: str) -> None:
    buffer = io.BytesIO(zip_files({GOOD: PAGES}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(with_mode(BAD, mode), "confluence_pages.jsonl")
        archive.writestr(with_mode(f"{PLACE}/notes.md", mode), "x")
    templates = write_zip(tmp_path, buffer.getvalue())
    assert problem in unreadable(templates).message
    reasons = {each.file: each.reason for each in await templates.validate(NOW)}
    assert (reasons[f"{PLACE}/notes.md"] or "").lower().startswith("it is")


async def test_an_encrypted_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    content = bytearray(zip_files({BAD: ISSUES, GOOD: PAGES}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(mark) + offset, 1)
    error = unreadable(write_zip(tmp_path, bytes(content)))
    assert "is encrypted" in error.message
    assert "Unpack the zip" in error.suggested_action


async def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO(zip_files({GOOD: PAGES, BAD: ISSUES}))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(BAD, "[]")
    templates = write_zip(tmp_path, buffer.getvalue())
    assert "is in the zip more than once" in unreadable(templates).message
    assert [each.file for each in await templates.validate(NOW)] == [GOOD, BAD]


async def test_a_bomb_in_a_zip_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    content = zip_files({GOOD: PAGES, BAD: b"\n" * (65 << 20)})
    assert "unpacks to more than 250 times its size" in unreadable(write_zip(tmp_path, content)).message


async def test_a_file_that_is_packed_by_another_method_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO(zip_files({GOOD: PAGES}))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr(BAD, ISSUES)
    assert (
        "packed by a method of zip that is not read"
        in unreadable(write_zip(tmp_path, buffer.getvalue())).message
    )


async def test_a_file_that_is_stored_unpacked_is_read(tmp_path: Path) -> None:
    templates = write_zip(tmp_path, zip_files({GOOD: PAGES}, zipfile.ZIP_STORED))
    assert len(read(templates, *templates.list_templates())) == 3


async def test_a_damaged_file_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    content = bytearray(zip_files({GOOD: PAGES, BAD: ISSUES}))
    at = content.index(BAD.encode()) + len(BAD) + 20
    content[at : at + 8] = bytes(8)
    assert (
        "is damaged: its zip data cannot be unpacked"
        in unreadable(write_zip(tmp_path, bytes(content))).message
    )
