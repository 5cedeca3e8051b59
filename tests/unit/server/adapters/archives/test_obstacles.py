"""Foreign things, links and leftovers where an archive should stand."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from domain.errors import ArchiveFailedError
from server.adapters.archives.local import LocalArchives
from tests.support.content.archive_orders import FILES, ID, PLACE, archive_order, file_contents, file_names

if TYPE_CHECKING:
    from pathlib import Path


async def test_an_unfinished_write_of_the_same_dataset_is_replaced(
    archives: LocalArchives, root: Path
) -> None:
    folder = root / PLACE
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"dataset_id": ID}))
    (folder / "documents.jsonl").write_bytes(b"half\n")
    (folder / ".documents.jsonl.zst.0123abcd.tmp").write_bytes(b"half")

    written = await archives.write(archive_order())

    assert await archives.verify(PLACE) == written
    assert file_names(folder) == FILES


@pytest.mark.parametrize("name", ["manifest.json", "metadata.json"])
async def test_what_belongs_to_another_dataset_is_neither_replaced_nor_purged(
    archives: LocalArchives, root: Path, name: str
) -> None:
    folder = root / PLACE
    folder.mkdir(parents=True)
    (folder / name).write_text(json.dumps({"dataset_id": "another"}))
    (folder / "documents.jsonl").write_bytes(b"another's\n")
    before = file_contents(folder)

    with pytest.raises(ArchiveFailedError, match="contains the archive of another; nothing was changed"):
        await archives.write(archive_order())
    with pytest.raises(ArchiveFailedError, match="contains the archive of another; nothing was changed"):
        await archives.purge(PLACE)
    assert file_contents(folder) == before


async def test_what_does_not_say_whose_it_is_stays_for_a_person(archives: LocalArchives, root: Path) -> None:
    folder = root / PLACE
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_bytes(b"\xff\xfe")

    with pytest.raises(ArchiveFailedError, match="whose owner cannot be read"):
        await archives.write(archive_order())
    with pytest.raises(ArchiveFailedError, match="whose owner cannot be read"):
        await archives.purge(PLACE)


async def test_an_archive_with_a_damaged_manifest_is_replaced_while_its_metadata_says_whose_it_is(
    archives: LocalArchives, folder: Path
) -> None:
    (folder / "manifest.json").write_bytes(b"\0")

    written = await archives.write(archive_order())

    assert await archives.verify(PLACE) == written


async def test_a_foreign_file_in_the_way_is_named_and_kept(archives: LocalArchives, folder: Path) -> None:
    (folder / "notes.txt").touch()
    before = file_contents(folder)

    with pytest.raises(ArchiveFailedError, match=r"notes\.txt is not a file of an archive"):
        await archives.write(archive_order())
    with pytest.raises(ArchiveFailedError, match=r"notes\.txt is not a file of an archive"):
        await archives.purge(PLACE)
    assert file_contents(folder) == before


@pytest.mark.parametrize(
    "link", ["ACME", "ACME/sandbox", "ACME/sandbox/confluence_pages", f"ACME/sandbox/confluence_pages/{ID}"]
)
async def test_no_link_is_followed(archives: LocalArchives, root: Path, tmp_path: Path, link: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ArchiveFailedError, match="symbolic link"):
        await archives.write(archive_order())
    with pytest.raises(ArchiveFailedError, match="symbolic link"):
        await archives.read_manifest(PLACE)
    with pytest.raises(ArchiveFailedError, match="symbolic link"):
        await archives.purge(PLACE)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert await archives.list_places() == []


async def test_a_linked_file_is_not_read(archives: LocalArchives, folder: Path, tmp_path: Path) -> None:
    (folder / "metadata.json").rename(tmp_path / "metadata.json")
    (folder / "metadata.json").symlink_to(tmp_path / "metadata.json")

    with pytest.raises(ArchiveFailedError, match="symbolic link"):
        await archives.verify(PLACE)


async def test_a_place_that_differs_only_in_case_is_refused(
    archives: LocalArchives, folder: Path, root: Path
) -> None:
    before = file_contents(folder)

    with pytest.raises(ArchiveFailedError, match="differs from acme only in case"):
        await archives.write(archive_order(place=PLACE.replace("ACME", "acme")))
    assert file_contents(folder) == before
    assert file_names(root) == ["ACME"]


async def test_a_purge_that_was_broken_off_is_finished(archives: LocalArchives, folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "metadata.json").unlink()

    await archives.purge(PLACE)

    assert file_names(folder.parent) == []


async def test_a_root_that_vanished_is_an_error_and_never_reads_as_empty(
    archives: LocalArchives, root: Path
) -> None:
    shutil.rmtree(root)

    with pytest.raises(ArchiveFailedError, match="no longer exists"):
        await archives.write(archive_order())
    with pytest.raises(ArchiveFailedError, match="no longer exists"):
        await archives.read_manifest(PLACE)
    with pytest.raises(ArchiveFailedError, match="no longer exists"):
        await archives.list_places()
    with pytest.raises(ArchiveFailedError, match="no longer exists"):
        await archives.purge(PLACE)


def test_a_root_that_cannot_be_made_says_which_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ArchiveFailedError, match=r"Could not make the archive folder .*/file: File exists"):
        LocalArchives(tmp_path / "file")
