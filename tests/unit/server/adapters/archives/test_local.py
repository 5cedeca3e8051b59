"""The files as they stand, and damage of every kind."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import ArchiveFailedError
from server.adapters.archives import format as form
from tests.support.content.archive_orders import FILES, ID, LINES, PLACE, archive_order, file_names

if TYPE_CHECKING:
    from pathlib import Path

    from server.adapters.archives.local import LocalArchives

PLAIN = [name.removesuffix(".zst") for name in FILES]


def rewrite(folder: Path, **changes: Any) -> None:
    """Change the manifest, in the very form in which it was written."""
    manifest = json.loads((folder / form.MANIFEST).read_bytes()) | changes
    (folder / form.MANIFEST).write_bytes(form.encode_json(msgspec.convert(manifest, form.Manifest)))


async def test_the_files_are_those_of_the_wire_contract(folder: Path) -> None:
    assert file_names(folder) == FILES


async def test_metadata_and_manifest_stay_readable(folder: Path) -> None:
    assert json.loads((folder / "metadata.json").read_bytes())["name"] == "ACME-Sandbox-Confluence"
    assert json.loads((folder / "manifest.json").read_bytes())["dataset_id"] == ID


async def test_the_location_is_the_folder(archives: LocalArchives, folder: Path) -> None:
    assert archives.location(PLACE) == str(folder)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("name", PLAIN)
async def test_one_changed_bit_anywhere_is_found(
    archives: LocalArchives, root: Path, name: str, compressed: bool
) -> None:
    await archives.write(archive_order(LINES[:40], compressed=compressed))
    path = next(each for each in (root / PLACE).iterdir() if each.name.removesuffix(".zst") == name)
    whole = path.read_bytes()

    for position in range(0, len(whole), max(1, len(whole) // 60)):
        for bit in (0, 3, 7):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(ArchiveFailedError) as caught:
                await archives.verify(PLACE)
            # A wrong hash in the manifest cannot be told from a wrong file.
            assert name == form.MANIFEST or caught.value.facts == {"file": path.name}


@pytest.mark.parametrize("name", FILES)
async def test_a_file_cut_off_is_found(archives: LocalArchives, folder: Path, name: str) -> None:
    os.truncate(folder / name, (folder / name).stat().st_size - 1)

    with pytest.raises(ArchiveFailedError, match=f"{name} is damaged"):
        await archives.verify(PLACE)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("added", [b"\n", bytes(3 << 20)], ids=["a little", "a lot"])
async def test_a_file_with_something_appended_is_found(
    archives: LocalArchives, folder: Path, name: str, added: bytes
) -> None:
    with (folder / name).open("ab") as file:
        file.write(added)

    with pytest.raises(ArchiveFailedError, match=f"{name} is damaged"):
        await archives.verify(PLACE)


@pytest.mark.parametrize("name", [name for name in FILES if name != "manifest.json"])
async def test_a_missing_file_is_named(archives: LocalArchives, folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(ArchiveFailedError, match=f"{name} is missing") as caught:
        await archives.verify(PLACE)
    assert caught.value.facts == {"file": name}


async def test_without_its_manifest_it_is_no_archive(archives: LocalArchives, folder: Path) -> None:
    (folder / "manifest.json").unlink()

    assert await archives.read_manifest(PLACE) is None
    assert await archives.list_places() == []
    with pytest.raises(ArchiveFailedError, match="no archive"):
        await archives.verify(PLACE)


async def test_a_file_that_nobody_knows_is_named(archives: LocalArchives, folder: Path) -> None:
    (folder / "notes.txt").touch()

    with pytest.raises(ArchiveFailedError, match=r"notes\.txt is not in the manifest"):
        await archives.verify(PLACE)


async def test_two_files_that_changed_places_are_found(archives: LocalArchives, folder: Path) -> None:
    (folder / "sample_data.json.zst").rename(folder / "x")
    (folder / "quality_reports.json.zst").rename(folder / "sample_data.json.zst")
    (folder / "x").rename(folder / "quality_reports.json.zst")

    with pytest.raises(ArchiveFailedError, match=r"quality_reports\.json\.zst is damaged"):
        await archives.verify(PLACE)


async def test_the_archive_of_another_dataset_put_in_its_place_is_found(
    archives: LocalArchives, root: Path, folder: Path
) -> None:
    other = "ACME/sandbox/confluence_pages/another"
    await archives.write(archive_order(place=other))
    shutil.rmtree(folder)
    shutil.copytree(root / other, folder)

    with pytest.raises(ArchiveFailedError, match="contains the archive of another"):
        await archives.verify(PLACE)
    with pytest.raises(ArchiveFailedError, match="contains the archive of another"):
        await archives.read_manifest(PLACE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"restorable_until": "2126-05-30T12:00:00Z"}, "differ in restorable_until"),
        ({"archived_at": "2020-05-30T12:00:00Z"}, "differ in archived_at"),
        ({"incomplete": True}, "differ in incomplete"),
        ({"record_count": 249}, r"documents\.jsonl\.zst does not contain the documents"),
        ({"checksum": "0" * 64}, r"documents\.jsonl\.zst does not contain the documents"),
        ({"full_data": False}, "does not list the files"),
        ({"format_version": 2}, "format 2, but this version reads format 1"),
        ({"files": {}}, "does not list the files"),
    ],
)
async def test_a_manifest_that_tells_otherwise_is_found(
    archives: LocalArchives, folder: Path, changes: dict[str, Any], words: str
) -> None:
    rewrite(folder, **changes)

    with pytest.raises(ArchiveFailedError, match=words):
        await archives.verify(PLACE)


@pytest.mark.parametrize(
    "manifest", [b"", b"{}", b"[]", b"\xff\xfe", b'{"dataset_id": 7}', b'{"dataset_id": "\xff"}']
)
async def test_a_manifest_that_is_none_is_found(
    archives: LocalArchives, folder: Path, manifest: bytes
) -> None:
    (folder / "manifest.json").write_bytes(manifest)

    with pytest.raises(ArchiveFailedError, match=r"manifest\.json is damaged"):
        await archives.read_manifest(PLACE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(data=st.data())
async def test_no_other_spelling_of_the_manifest_passes(
    archives: LocalArchives, folder: Path, data: st.DataObject
) -> None:
    whole = (folder / "manifest.json").read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    added = data.draw(st.sampled_from([b" ", b"\n", b",", b'"', b"0"]))
    (folder / "manifest.json").write_bytes(whole[:at] + added + whole[at:])

    with pytest.raises(ArchiveFailedError):
        await archives.verify(PLACE)
    (folder / "manifest.json").write_bytes(whole)


async def test_metadata_that_cannot_be_read_is_named_even_when_the_manifest_agrees(
    archives: LocalArchives, folder: Path
) -> None:
    (folder / "metadata.json").write_bytes(b"{}")
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    rewrite(folder, files=files | {"metadata.json": {"size": 2, "sha256": digest}})

    with pytest.raises(ArchiveFailedError, match=r"metadata\.json is damaged: it cannot be read"):
        await archives.verify(PLACE)


async def test_a_cut_off_file_is_not_read_as_if_it_were_whole(archives: LocalArchives, folder: Path) -> None:
    path = folder / "documents.jsonl.zst"
    os.truncate(path, path.stat().st_size - 1)

    with pytest.raises(ArchiveFailedError, match="is damaged"):
        await anext(aiter(archives.read(PLACE, "documents.jsonl")))


async def test_a_file_that_does_not_decompress_is_named_while_it_is_read(
    archives: LocalArchives, folder: Path
) -> None:
    path = folder / "documents.jsonl.zst"
    path.write_bytes(bytes(path.stat().st_size))

    with pytest.raises(ArchiveFailedError, match="does not decompress"):
        await anext(aiter(archives.read(PLACE, "documents.jsonl")))


async def test_documents_that_were_cut_short_on_the_disk_come_as_they_are(
    archives: LocalArchives, root: Path
) -> None:
    """Whoever stages them compares their checksum."""
    await archives.write(archive_order(compressed=False))
    path = root / PLACE / "documents.jsonl"
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with archives.open_documents(PLACE) as chunks:
        assert b"".join(chunks) == path.read_bytes()


async def test_a_reader_may_stop_anywhere(archives: LocalArchives, folder: Path) -> None:
    reading = archives.read(PLACE, "documents.jsonl")
    first = await anext(aiter(reading))
    await reading.aclose()  # type: ignore[attr-defined]

    assert first.startswith(LINES[0])
