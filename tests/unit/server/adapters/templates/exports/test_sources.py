"""Files, folders and zips, and the JSON and CSV in them."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ExportInvalidError
from server.adapters.templates.exports.sources import tree as trees
from server.adapters.templates.exports.sources.json_documents import JsonRecords, decode_record
from server.adapters.templates.exports.sources.recognition import require_kind
from server.adapters.templates.exports.sources.tables import read_table, read_table_rows
from server.adapters.templates.exports.sources.tree import SourceTree, open_tree
from tests.support.content.exports import (
    JIRA_CLOUD,
    confluence_page,
    entities_xml,
    github_repository,
    jira_issue,
    slack_files,
    slack_message,
    write_tree,
    write_zip,
)

REFUSED = pytest.raises(ExportInvalidError)


def _ignore(_count: int) -> None:
    """Nobody looks at the progress."""


def _in_memory(content: bytes, name: str = "export.json") -> SourceTree:
    return SourceTree(name, {name: (len(content), lambda: io.BytesIO(content))}, _ignore)


def _read(source: Path, name: str) -> bytes:
    with open_tree(source, _ignore) as tree, tree.open(name) as file:
        return file.read()


def test_a_file_a_folder_and_a_zip_have_the_same_files(tmp_path: Path) -> None:
    files = {"a.json": "[]", "b/c.json": "[1]", "__MACOSX/a.json": "x", "b/.DS_Store": "x"}
    folder, archive = write_tree(tmp_path / "folder", files), write_zip(tmp_path / "a.zip", files)
    (folder / "link.json").symlink_to(tmp_path / "a.zip")

    for source in (folder, archive):
        with open_tree(source, _ignore) as tree:
            assert (tree.names, tree.size) == (["a.json", "b/c.json"], 5)
        assert _read(source, "b/c.json") == b"[1]"
    assert _read(folder / "a.json", "a.json") == b"[]"


def test_a_folder_may_be_named_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path / "up" / "folder", {"a.json": "[]", "b/c.json": "[1]"})
    monkeypatch.chdir(tmp_path / "up")

    for name in ("folder", "./folder", "../up/folder", "."):
        with open_tree(Path(name), _ignore) as tree:
            assert [each.removeprefix("folder/") for each in tree.names] == ["a.json", "b/c.json"]
            with tree.open(tree.names[1]) as file:
                assert file.read() == b"[1]"


def test_every_read_is_reported(tmp_path: Path) -> None:
    reads: list[int] = []
    (tmp_path / "a").write_bytes(b"x" * 1000)
    with open_tree(tmp_path / "a", reads.append) as tree:
        assert tree.read_opening("a", 10) == b"x" * 10
        with tree.open("a") as file:
            while file.read(300):
                pass

    assert sum(reads) == 1000


@pytest.mark.parametrize("name", ["../a.json", "/a.json", "b/../../a.json", "b\\a.json", "C:a.json"])
def test_a_zip_with_a_name_outside_of_it_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "[]")

    with REFUSED as refused, open_tree(tmp_path / "a.zip", _ignore):
        pass
    assert "outside of it" in refused.value.message


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")

    with pytest.raises(ExportInvalidError, match="a link"), open_tree(tmp_path / "a.zip", _ignore):
        pass


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_another_method_is_refused_since_it_would_fill_memory(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.json", "[]")

    with REFUSED as refused, open_tree(tmp_path / "a.zip", _ignore):
        pass
    assert "a method that is not read: a.json" in refused.value.message
    assert refused.value.suggested_action == "Unpack it, and import the folder."


def test_an_encrypted_zip_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.json": "[]"})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(mark) + offset, 1)
    path.write_bytes(data)

    with REFUSED as refused, open_tree(path, _ignore):
        pass
    assert "password" in refused.value.suggested_action


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.json", "w") as file,
    ):
        for _ in range(65):
            file.write(bytes(1 << 20))

    with pytest.raises(ExportInvalidError, match="250 times"), open_tree(tmp_path / "a.zip", _ignore):
        pass


def test_what_a_zip_may_hold_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.json": "[]", "b.json": "[]"})

    monkeypatch.setattr(trees, "MOST_BYTES", 3)
    with pytest.raises(ExportInvalidError, match="unpacks to more"), open_tree(path, _ignore):
        pass
    monkeypatch.setattr(trees, "MOST_FILES", 1)
    with pytest.raises(ExportInvalidError, match="more than 1 files"), open_tree(path, _ignore):
        pass


def test_a_zip_with_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"é.json": "[]"})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(ExportInvalidError, match="is damaged"), open_tree(path, _ignore):
        pass


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.json": "[" + ",".join(map(str, range(9000))) + "]"})
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(ExportInvalidError, match="cut off"), open_tree(path, _ignore):
        pass
    path.write_bytes(whole[:200] + bytes(50) + whole[250:])
    with pytest.raises(ExportInvalidError, match="damaged"):
        _read(path, "a.json")


def test_a_source_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with (
        pytest.raises(ExportInvalidError, match="There is no nothing"),
        open_tree(tmp_path / "nothing", _ignore),
    ):
        pass
    with pytest.raises(ExportInvalidError, match="no file or folder"), open_tree(tmp_path / "pipe", _ignore):
        pass
    with (
        pytest.raises(ExportInvalidError, match="cannot be read"),
        open_tree(tmp_path / ("x" * 300), _ignore),
    ):
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.fixed_dictionaries({"key": st.text(max_size=4), "x": JSON}), min_size=1, max_size=5)


@given(st.lists(RECORDS, max_size=4), st.sampled_from(["arrays", "answers", "slurped", "slurped arrays"]))
def test_pages_one_after_another_give_their_records(pages: list[list[dict[str, Any]]], form: str) -> None:
    answers = [{"startAt": 0, "issues": page, "isLast": True} for page in pages]
    texts = {
        "arrays": "\n".join(map(json.dumps, pages)),
        "answers": "".join(map(json.dumps, answers)),
        "slurped": json.dumps(answers),
        "slurped arrays": json.dumps(pages),
    }
    found = list(JsonRecords(_in_memory(texts[form].encode()), ("issues",)).read())

    assert [json.loads(each) for each in found if isinstance(each, bytes)] == [
        each for page in pages for each in page
    ]
    heads = [each for each in found if isinstance(each, dict)]
    assert heads == (
        [{"startAt": 0, "issues": True, "isLast": True}] * len(pages) if form == "answers" else []
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'[{"key": 1}, {"key"', "ends in the middle"),
        (b'{"issues": [{"key": 1}]', "ends where"),
        (b'{"issues": [{"key": 1}] "a"', "where ',' is expected"),
        (b'{"total": ', "ends in the middle"),
        (b'{"total": nul}', "cannot be read"),
        (b"{total: 1}", "no name"),
        (b'{"tot', "ends early"),
        (b'{"total" 1}', "where ':' is expected"),
        (b"<html>", "begins with"),
        (b"\xff\xfe[\x00", "UTF-16"),
    ],
)
def test_json_that_is_none_or_ends_early_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ExportInvalidError) as refused:
        list(JsonRecords(_in_memory(content), ("issues",)).read())

    assert problem in refused.value.message
    assert "nothing was written" in refused.value.suggested_action


def test_an_empty_answer_has_no_records() -> None:
    assert list(JsonRecords(_in_memory(b"{}, []"), ("issues",)).read()) == [{}]


def test_a_record_that_is_no_json_is_named_by_its_position() -> None:
    with pytest.raises(ExportInvalidError, match=r"Record 3 .* is not JSON"):
        decode_record(b"{x}", 3)
    with pytest.raises(ExportInvalidError, match="nested too deeply") as deep:
        decode_record(b"[" * 100_000 + b"]" * 100_000, 1)
    with pytest.raises(ExportInvalidError, match="it is not UTF-8"):
        decode_record(b'"\xff"', 1)
    assert "look at what this file is" in deep.value.suggested_action


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line", ["", "sep=\n"])
def test_delimiter_and_encoding_are_recognised(delimiter: str, encoding: str, line: str) -> None:
    line = line.replace("\n", f"{delimiter}\n")
    text = f'{line}Key{delimiter}"Sum{delimiter}mary"\nÄ{delimiter}"b\nc"\n{delimiter}\n'
    tree = _in_memory(text.encode(encoding), "a.csv")
    table = read_table(tree, "a.csv")

    assert table.columns == ("Key", f"Sum{delimiter}mary")
    first = 3 if line else 2
    assert list(read_table_rows(tree, table)) == [((first, 1), ["Ä", "b\nc"])]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"a,b\nc\n", "1 cells in row 2 of the file (record 1); the header has 2"),
        (b"sep=,\na,b\n\n,\nc,d\ne\n", "1 cells in row 6 of the file (record 2); the header has 2"),
        (b'a,b\nc,"d', "in the middle of a quoted cell, after row 1 of the file"),
        (b'a,b\nc,d\nc,"d"e\n', "is not CSV: ',' expected after '\"', after row 2 of the file"),
        (b"a,b\nc,d\n\xe9,b\n", "seems to be Latin-1 (ISO 8859-1) or Windows-1252. The first byte"),
        (b"sep=,\na,b\nc,d\n\xe9,b\n", "0xE9, in row 4 of the file, column 1"),
        ("a,b\nc,d".encode("utf-16")[:-1], "is marked as UTF-16, but breaks off"),
        (b",".join([b"a"] * 10_000), "10000 columns"),
    ],
)
def test_a_table_that_is_none_or_ends_early_is_refused(content: bytes, problem: str) -> None:
    tree = _in_memory(content, "a.csv")

    with pytest.raises(ExportInvalidError) as refused:
        list(read_table_rows(tree, read_table(tree, "a.csv")))
    assert problem in refused.value.message


@pytest.mark.parametrize(
    ("content", "action"),
    [
        (b"", "Export it again, whole"),
        (b'a,b\nc,"d', "Export it again, whole"),
        (b"a,b\nc\n", "give that row as many cells"),
        (b'a,b\nc,"d"e\n', "Correct what is named"),
        (b"a,b\nc,\xe9\n", "Save it as UTF-8"),
        (b",".join([b"a"] * 10_000), "Export fewer columns"),
    ],
)
def test_what_is_wrong_with_a_table_has_its_own_advice(content: bytes, action: str) -> None:
    tree = _in_memory(content, "a.csv")

    with pytest.raises(ExportInvalidError) as refused:
        list(read_table_rows(tree, read_table(tree, "a.csv")))
    assert action in refused.value.suggested_action


EXPORTS: dict[str, Any] = {
    "jira-csv": JIRA_CLOUD,
    "jira-rest": {"issues": [jira_issue("PAY-1")]},
    "slack-export": slack_files(general__2024_03_12=[slack_message("1710252300.000100")]),
    "confluence-rest": {"results": [confluence_page("1", "Refunds")]},
    "confluence-xml": entities_xml(),
    "github": [github_repository("billing-api")],
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_of_another_kind_is_named_with_its_command(tmp_path: Path, kind: str) -> None:
    content = EXPORTS[kind]
    source = (
        write_tree(tmp_path / "export", content)
        if kind == "slack-export"
        else write_tree(tmp_path, {"export": content}) / "export"
    )
    with open_tree(source, _ignore) as tree:
        require_kind(tree, kind)
        for other in EXPORTS:
            if other != kind:
                with REFUSED as refused:
                    require_kind(tree, other)
                assert f"templates import {kind} " in refused.value.suggested_action
                assert refused.value.facts["kind"] == kind


def test_a_day_of_slack_asks_for_the_whole_export() -> None:
    tree = _in_memory(json.dumps([slack_message("1710252300.000100")]).encode())

    with REFUSED as refused:
        require_kind(tree, "github")
    assert "the whole folder or zip" in refused.value.suggested_action


def test_what_is_not_recognised_is_tried() -> None:
    require_kind(_in_memory(b"{}"), "github")
    require_kind(SourceTree("empty", {}, _ignore), "github")
