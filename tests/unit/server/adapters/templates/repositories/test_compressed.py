"""A template's file that is compressed is read as it is, whole and in bounded memory, or refused with what is wrong."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import json
import os
import random
import struct
import tarfile
import tracemalloc
import zlib
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import TemplateFormatUnknownError, TemplateInvalidError
from server.adapters.templates.repositories import unpacking
from server.adapters.templates.repositories.unpacking import UnpackedFile
from tests.support.content.compressing import COMPRESSORS, to_gzip, to_zstd, zip_files
from tests.support.content.records import NOW
from tests.support.content.repository_files import SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACE = "fintech/dev/confluence_pages"
COLUMNS = ("page_id", "title", "body", "space_key", "author_email", "last_modified")
SKIPPED_FRAME = struct.pack("<II", 0x184D2A50, 4) + b"abcd"
"""A frame without content, as `pzstd` begins a file."""
any_compression = pytest.mark.parametrize("suffix", COMPRESSORS)


def table(delimiter: str) -> str:
    rows = [COLUMNS, *([str(each[name]) for name in COLUMNS] for each in pages())]
    return "".join(delimiter.join(row) + "\n" for row in rows)


FORMATS: dict[str, tuple[str, str | bytes, str]] = {
    "version 1": (".json", json.dumps({"metadata": {"stage": "pilot"}, "records": pages()}), "json-v1"),
    "version 2": (".json", json.dumps({"format_version": 2, "source": {"records": pages()}}), "v2"),
    "array": (".json", json.dumps(pages()), "json-array"),
    "objects": (".json", "".join(json.dumps(each, indent=2) for each in pages()), "json-objects"),
    "lines": (".jsonl", lines(pages()), "jsonl"),
    "lines of another extension": (".ndjson", lines(pages()), "jsonl"),
    "table": (".csv", table(","), "csv"),
    "table of tabs": (".tsv", table("\t"), "csv"),
    "table in UTF-16": (".csv", table(";").encode("utf-16"), "csv"),
    "array in a table's file": (".csv", json.dumps(pages()), "json-array"),
}


def to_bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


# --- what is read --------------------------------------------------------------------------------------------------


@any_compression
@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_gives_its_records_from_every_compression(
    repository: RepositoryFiles, name: str, suffix: str
) -> None:
    extension, content, expected = FORMATS[name]
    stored = repository.write(f"{PLACE}{extension}{suffix}", COMPRESSORS[suffix](to_bytes(content)))
    template = await repository.load_only_template()
    assert (template.template_id, template.format, template.warnings) == (PLACE, expected, ())
    assert template.checksum == sha256(stored.read_bytes()).hexdigest()
    assert [msgspec.json.decode(each) for each in repository.read_records(template)] == pages()
    assert repository.populate(template).report.score == 100.0


@any_compression
@pytest.mark.parametrize("name", ["lines", "table", "array"])
async def test_a_compressed_file_that_a_template_names_is_read(
    repository: RepositoryFiles, name: str, suffix: str
) -> None:
    extension, content, _ = FORMATS[name]
    file = f"more/pages{extension}{suffix}"
    repository.write(f"{PLACE}.json", json.dumps({"format_version": 2, "source": {"file": file}}))
    repository.write(f"fintech/dev/{file}", COMPRESSORS[suffix](to_bytes(content)))
    template = await repository.load_only_template()
    assert [msgspec.json.decode(each) for each in repository.read_records(template)] == pages()
    reports = {each.file: each for each in await repository.templates.validate(NOW)}
    assert reports[f"{SUBDIR}/fintech/dev/{file}"].use == "records"
    assert all(each.is_valid for each in reports.values())


@any_compression
async def test_a_compressed_header_may_name_a_compressed_file(
    repository: RepositoryFiles, suffix: str
) -> None:
    header = {"source": {"file": f"pages.jsonl{suffix}"}, "format_version": 2}
    repository.write(f"{PLACE}.json{suffix}", COMPRESSORS[suffix](json.dumps(header).encode()))
    repository.write(f"fintech/dev/pages.jsonl{suffix}", COMPRESSORS[suffix](lines(pages()).encode()))
    assert len(repository.read_records(await repository.load_only_template())) == 3


@any_compression
async def test_records_are_read_again_while_they_are_read(repository: RepositoryFiles, suffix: str) -> None:
    repository.write(f"{PLACE}.jsonl{suffix}", COMPRESSORS[suffix](lines(pages(2000)).encode()))
    template = await repository.load_only_template()
    with repository.templates.open_records(template) as stream:
        batches = iter(stream)
        first = list(next(batches))
        again = [each for batch in stream.read_again() for each in batch]
        whole = [*first, *(each for batch in batches for each in batch)]
    assert again == whole
    assert len(whole) == 2000


@any_compression
async def test_a_table_that_is_begun_anew_is_read_whole(repository: RepositoryFiles, suffix: str) -> None:
    rows = table(",").replace("\n", "\r\n") + '9,a "word",<p>x</p>,OPS,kim@example.com,2026-01-01T00:00:00Z\n'
    repository.write(f"{PLACE}.csv{suffix}", COMPRESSORS[suffix](rows.encode()))
    records = repository.read_records(await repository.load_only_template())
    assert [msgspec.json.decode(each)["title"] for each in records][-1] == 'a "word"'
    assert len(records) == 4


@any_compression
async def test_the_place_of_a_foreign_byte_is_named_in_a_compressed_table(
    repository: RepositoryFiles, suffix: str
) -> None:
    rows = table(",").replace("OPS", "Prüfung").encode("cp1252")
    rows += "9,ü,<p>x</p>,OPS,kim@example.com,2026-01-01T00:00:00Z\n".encode("cp1252")
    repository.write(f"{PLACE}.csv{suffix}", COMPRESSORS[suffix](rows))
    with pytest.raises(TemplateInvalidError, match="0xFC, in row 5 of the file"):
        repository.populate(await repository.load_only_template())


PARTS: dict[str, tuple[str, Sequence[bytes]]] = {
    "members of gzip": (".gz", [to_gzip(each.encode()) for each in lines(pages()).splitlines()]),
    "an empty member": (".gz", [to_gzip(b""), to_gzip(lines(pages()).encode()), to_gzip(b"")]),
    "padding with zeros": (".gz", [to_gzip(lines(pages()).encode()), bytes(1000)]),
    "frames of Zstandard": (".zst", [to_zstd(each.encode()) for each in lines(pages()).splitlines()]),
    "an empty frame": (".zst", [to_zstd(b""), to_zstd(lines(pages()).encode()), to_zstd(b"")]),
    "frames to be skipped": (".zst", [SKIPPED_FRAME, to_zstd(lines(pages()).encode()), SKIPPED_FRAME]),
    "a frame without a checksum": (".zst", [zstandard.compress(lines(pages()).encode(), 19)]),
}


@pytest.mark.parametrize("name", PARTS)
async def test_parts_one_after_another_are_one_file(repository: RepositoryFiles, name: str) -> None:
    suffix, parts = PARTS[name]
    repository.write(f"{PLACE}.jsonl{suffix}", b"".join(parts))
    records = repository.read_records(await repository.load_only_template())
    assert [msgspec.json.decode(each) for each in records] == pages()


# --- the content decides, not the name -----------------------------------------------------------------------------

MISNAMED: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "no gzip": (".gz", lines(pages()).encode(), ("Its name ends in .gz, but it is not compressed; ",)),
    "Zstandard": (
        ".gz",
        to_zstd(lines(pages()).encode()),
        ("Its name ends in .gz, but it is compressed with Zstandard",),
    ),
    "gzip": (
        ".zst",
        to_gzip(lines(pages()).encode()),
        ("Its name ends in .zst, but it is compressed with gzip",),
    ),
    "a plain name": ("", to_gzip(lines(pages()).encode()), ()),
}


@pytest.mark.parametrize("name", MISNAMED)
async def test_a_file_is_read_as_what_it_is_and_a_wrong_name_is_told(
    repository: RepositoryFiles, name: str
) -> None:
    suffix, content, warnings = MISNAMED[name]
    repository.write(f"{PLACE}.jsonl{suffix}", content)
    template = await repository.load_only_template()
    made = repository.populate(template)
    assert made.record_count == 3
    assert len(made.warnings) == len(warnings)
    for found, expected in zip(made.warnings, warnings, strict=True):
        assert found.startswith(expected)


def tar_of(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("pages.jsonl")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


NO_RECORDS: dict[str, tuple[bytes, str, str]] = {
    "a zip": (zip_files({"a.json": "[]"}), "is a ZIP archive", "Unpack"),
    "compressed twice": (to_gzip(to_zstd(b"[]")), "is compressed twice, with Zstandard inside", "once"),
    "compressed twice with gzip": (to_gzip(to_gzip(b"[]")), "is compressed twice, with gzip inside", "once"),
    "a tar": (to_gzip(tar_of(b"[]")), "is a tar archive", "Unpack"),
    "bzip2": (bz2.compress(b"[]"), "is compressed with bzip2", "compress it with gzip or Zstandard"),
    "a PDF": (to_zstd(b"%PDF-1.7"), "is a PDF document", "Export"),
}


@pytest.mark.parametrize("extension", [".json", ".csv"])
@pytest.mark.parametrize("name", NO_RECORDS)
async def test_what_holds_no_records_is_named_for_what_it_is(
    repository: RepositoryFiles, name: str, extension: str
) -> None:
    content, problem, action = NO_RECORDS[name]
    repository.write(f"{PLACE}{extension}.gz", content)
    with pytest.raises(TemplateInvalidError, match=problem) as refused:
        repository.populate(await repository.load_only_template())
    assert action in refused.value.suggested_action


@any_compression
async def test_a_compressed_file_without_content_is_named(repository: RepositoryFiles, suffix: str) -> None:
    repository.write(f"{PLACE}.json{suffix}", COMPRESSORS[suffix](b""))
    with pytest.raises(TemplateFormatUnknownError, match="found an empty file"):
        repository.populate(await repository.load_only_template())


# --- two files of one template, links ------------------------------------------------------------------------------


async def test_of_two_files_the_plain_one_serves_and_of_two_formats_the_first(
    repository: RepositoryFiles,
) -> None:
    for suffix, compress in COMPRESSORS.items():
        repository.write(f"{PLACE}.json{suffix}", compress(json.dumps(pages()).encode()))
    repository.write(f"{PLACE}.csv", table(","))
    template = await repository.load_only_template()
    reports = {each.file: each for each in await repository.templates.validate(NOW)}
    assert template.source == f"{SUBDIR}/{PLACE}.json.gz"
    assert template.warnings == (
        f"{SUBDIR}/{PLACE}.json.zst, {SUBDIR}/{PLACE}.csv is not used: {template.source} serves the same type.",
    )
    assert reports[f"{SUBDIR}/{PLACE}.json.zst"].reason == f"{template.source} serves the same type."
    repository.write(f"{PLACE}.json", json.dumps(pages()))
    assert (await repository.load_only_template()).source == f"{SUBDIR}/{PLACE}.json"


async def test_a_link_to_a_compressed_file_is_not_followed(repository: RepositoryFiles) -> None:
    outside = repository.root / "pages.gz"
    outside.parent.mkdir(exist_ok=True)
    outside.write_bytes(to_gzip(lines(pages()).encode()))
    repository.write("fintech/dev/README.md", "x")
    (repository.folder / f"{PLACE}.jsonl.gz").symlink_to(outside)
    with pytest.raises(TemplateInvalidError, match="through a symbolic link"):
        repository.populate(await repository.load_only_template())


async def test_a_compressed_file_is_read_anew_after_it_was_changed(repository: RepositoryFiles) -> None:
    repository.write(f"{PLACE}.jsonl.gz", to_gzip(lines(pages()).encode()))
    before = await repository.load_only_template()
    repository.write(f"{PLACE}.jsonl.gz", to_zstd(lines(pages(2)).encode()))
    after = await repository.load_only_template()
    assert before.checksum != after.checksum
    assert len(repository.read_records(after)) == 2


@any_compression
async def test_a_member_behind_the_records_is_found_as_in_a_plain_file(
    repository: RepositoryFiles, suffix: str
) -> None:
    content = json.dumps({"metadata": {"stage": "pilot"}, "records": pages(2000), "name": "Pages"})
    repository.write(f"{PLACE}.json{suffix}", COMPRESSORS[suffix](content.encode()))
    template = await repository.load_only_template()
    assert (template.name, template.stage) == ("Pages", "pilot")


# --- damage --------------------------------------------------------------------------------------------------------

WHOLE = lines(pages(200)).encode()


@any_compression
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_off_anywhere_is_refused(
    repository: RepositoryFiles, suffix: str, share: float
) -> None:
    content = COMPRESSORS[suffix](WHOLE)
    repository.write(f"{PLACE}.jsonl{suffix}", content[: int(len(content) * share)])
    (template,) = repository.templates.list_templates()
    with pytest.raises(TemplateInvalidError) as refused:
        repository.read_records(template)
    assert refused.value.facts["file"] == template.source
    if int(len(content) * share) > 4:
        assert "is cut off: its " in refused.value.message
        assert refused.value.suggested_action == "Copy or download it again, and call again."


@any_compression
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_file_with_one_wrong_bit_is_refused_unless_that_changes_nothing(
    repository: RepositoryFiles, suffix: str, data: st.DataObject
) -> None:
    content = bytearray(COMPRESSORS[suffix](WHOLE))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    repository.write(f"{PLACE}.jsonl{suffix}", bytes(content))
    (template,) = repository.templates.list_templates()
    with suppress(TemplateInvalidError):
        assert b"\n".join(repository.read_records(template)) + b"\n" == WHOLE


@any_compression
@pytest.mark.parametrize("rest", [b"rest", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x28"])
async def test_what_follows_the_end_and_is_no_further_part_is_refused(
    repository: RepositoryFiles, suffix: str, rest: bytes
) -> None:
    repository.write(f"{PLACE}.jsonl{suffix}", COMPRESSORS[suffix](WHOLE) + rest)
    template = await repository.load_only_template()
    with pytest.raises(TemplateInvalidError, match=r"is damaged|is cut off"):
        repository.read_records(template)


async def test_a_wrong_checksum_is_refused(repository: RepositoryFiles) -> None:
    repository.write(f"{PLACE}.jsonl.gz", to_gzip(WHOLE)[:-8] + struct.pack("<II", 1, len(WHOLE)))
    template = await repository.load_only_template()
    with pytest.raises(TemplateInvalidError, match="is damaged: its gzip data cannot be unpacked"):
        repository.read_records(template)


async def test_a_window_that_takes_too_much_memory_is_refused_with_what_to_do(
    repository: RepositoryFiles,
) -> None:
    long = zstandard.ZstdCompressionParameters.from_level(3, window_log=28)
    frame = zstandard.ZstdCompressor(compression_params=long).compressobj()
    repository.write(f"{PLACE}.jsonl.zst", frame.compress(WHOLE) + frame.flush())
    with pytest.raises(TemplateInvalidError, match="needs more than 128 MiB of memory") as refused:
        repository.read_records(await repository.load_only_template())
    assert "without --long" in refused.value.suggested_action


def test_a_disk_that_fails_is_no_damage_of_the_file() -> None:
    class _Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    file = UnpackedFile("a.gz", "gzip", lambda: gzip.GzipFile(fileobj=_Failing()), lambda: 0)
    with pytest.raises(OSError, match="Input/output error"):
        file.read(1)


def test_an_unpacked_file_can_only_be_begun_anew() -> None:
    file = UnpackedFile("a.gz", "gzip", lambda: io.BytesIO(b"abc"), lambda: 3)
    assert (file.read(2), file.tell(), file.seek(0), file.read(3)) == (b"ab", 2, 0, b"abc")
    with pytest.raises(io.UnsupportedOperation):
        file.seek(1)


# --- bombs, and memory ---------------------------------------------------------------------------------------------


def gzip_bomb(size: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    mebibyte = b"\n" * (1 << 20)
    return b"".join([*(packer.compress(mebibyte) for _ in range(size >> 20)), packer.flush()])


def zstd_bomb(size: int) -> bytes:
    packer = zstandard.ZstdCompressor(level=19).compressobj()
    mebibyte = b"\n" * (1 << 20)
    return b"".join([*(packer.compress(mebibyte) for _ in range(size >> 20)), packer.flush()])


BOMBS = {".gz": gzip_bomb, ".zst": zstd_bomb}


@any_compression
async def test_a_bomb_is_refused_before_it_fills_memory(repository: RepositoryFiles, suffix: str) -> None:
    record = COMPRESSORS[suffix](lines(pages(1)).encode())
    repository.write(f"{PLACE}.jsonl{suffix}", record + BOMBS[suffix](96 << 20))
    template = await repository.load_only_template()
    tracemalloc.start()
    try:
        with pytest.raises(TemplateInvalidError, match="unpacks to more than 250 times its size") as refused:
            repository.read_records(template)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "put the unpacked file in its place" in refused.value.suggested_action
    assert peak < 40 << 20


@pytest.mark.resilience
@any_compression
async def test_many_records_are_read_in_bounded_memory(repository: RepositoryFiles, suffix: str) -> None:
    noise = random.Random(1)
    records = [
        {**pages(1)[0], "page_id": str(each), "body": noise.randbytes(2000).hex()} for each in range(6000)
    ]
    content = lines(records).encode()
    repository.write(f"{PLACE}.jsonl{suffix}", COMPRESSORS[suffix](content))
    assert len(content) > 20 << 20
    template = await repository.load_only_template()
    del content, records
    tracemalloc.start()
    try:
        with repository.templates.open_records(template) as stream:
            count = sum(len(batch) for batch in stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 6000
    assert peak < 6 << 20


@any_compression
async def test_a_file_has_a_limit_of_bytes_once_it_is_unpacked(
    repository: RepositoryFiles, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write(f"{PLACE}.jsonl{suffix}", COMPRESSORS[suffix](WHOLE))
    template = await repository.load_only_template()
    monkeypatch.setattr(unpacking, "MOST_BYTES", len(WHOLE) - 1)
    with pytest.raises(TemplateInvalidError, match="unpacks to more than 0 GiB"):
        repository.read_records(template)
    monkeypatch.setattr(unpacking, "MOST_BYTES", len(WHOLE))
    assert len(repository.read_records(template)) == 200
