"""What is particular to a local folder: damage of every kind, foreign things in the way, a disk that fails."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import ArchiveFailedError
from server.adapters.archives import format as form
from server.adapters.archives.local import LocalArchives
from server.disk.durable import Draft
from tests.archived import ID, LINES, PLACE, order

CHECKOUT = Path(__file__).parents[4]
FILES = [
    "documents.jsonl.zst",
    "manifest.json",
    "metadata.json",
    "quality_reports.json.zst",
    "sample_data.json.zst",
]
PLAIN = [name.removesuffix(".zst") for name in FILES]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archives"


@pytest.fixture
def archives(root: Path) -> LocalArchives:
    return LocalArchives(root)


@pytest.fixture
async def folder(archives: LocalArchives, root: Path) -> Path:
    """The folder of an archive, compressed and whole."""
    await archives.write(order())
    return root / PLACE


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()} if folder.is_dir() else {}


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def rewrite(folder: Path, **changes: Any) -> None:
    """Change the manifest, in the very form in which it was written."""
    manifest = json.loads((folder / form.MANIFEST).read_bytes()) | changes
    (folder / form.MANIFEST).write_bytes(form.encode(msgspec.convert(manifest, form.Manifest)))


async def test_the_files_are_those_of_the_wire_contract(folder: Path) -> None:
    assert names(folder) == FILES


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
    await archives.write(order(LINES[:40], compressed=compressed))
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

    assert await archives.manifest(PLACE) is None
    assert await archives.places() == []
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
    await archives.write(order(place=other))
    shutil.rmtree(folder)
    shutil.copytree(root / other, folder)

    with pytest.raises(ArchiveFailedError, match="holds the archive of another"):
        await archives.verify(PLACE)
    with pytest.raises(ArchiveFailedError, match="holds the archive of another"):
        await archives.manifest(PLACE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"restorable_until": "2126-05-30T12:00:00Z"}, "differ in restorable_until"),
        ({"archived_at": "2020-05-30T12:00:00Z"}, "differ in archived_at"),
        ({"incomplete": True}, "differ in incomplete"),
        ({"record_count": 249}, r"documents\.jsonl\.zst does not hold the documents"),
        ({"checksum": "0" * 64}, r"documents\.jsonl\.zst does not hold the documents"),
        ({"full_data": False}, "does not list the files"),
        ({"format_version": 2}, "format 2, and this version reads format 1"),
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
        await archives.manifest(PLACE)


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


async def test_a_reader_may_stop_anywhere(archives: LocalArchives, folder: Path) -> None:
    reading = archives.read(PLACE, "documents.jsonl")
    first = await anext(aiter(reading))
    await reading.aclose()  # type: ignore[attr-defined]

    assert first.startswith(LINES[0])


async def test_an_unfinished_write_of_the_same_dataset_is_replaced(
    archives: LocalArchives, root: Path
) -> None:
    folder = root / PLACE
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"dataset_id": ID}))
    (folder / "documents.jsonl").write_bytes(b"half\n")
    (folder / ".documents.jsonl.zst.0123abcd.tmp").write_bytes(b"half")

    written = await archives.write(order())

    assert await archives.verify(PLACE) == written
    assert names(folder) == FILES


@pytest.mark.parametrize("name", ["manifest.json", "metadata.json"])
async def test_what_belongs_to_another_dataset_is_neither_replaced_nor_purged(
    archives: LocalArchives, root: Path, name: str
) -> None:
    folder = root / PLACE
    folder.mkdir(parents=True)
    (folder / name).write_text(json.dumps({"dataset_id": "another"}))
    (folder / "documents.jsonl").write_bytes(b"another's\n")
    before = contents(folder)

    with pytest.raises(ArchiveFailedError, match="holds the archive of another; it stays"):
        await archives.write(order())
    with pytest.raises(ArchiveFailedError, match="holds the archive of another; it stays"):
        await archives.purge(PLACE)
    assert contents(folder) == before


async def test_what_does_not_say_whose_it_is_stays_for_a_person(archives: LocalArchives, root: Path) -> None:
    folder = root / PLACE
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_bytes(b"\xff\xfe")

    with pytest.raises(ArchiveFailedError, match="does not say whose it is"):
        await archives.write(order())
    with pytest.raises(ArchiveFailedError, match="does not say whose it is"):
        await archives.purge(PLACE)


async def test_an_archive_with_a_damaged_manifest_is_replaced_while_its_metadata_says_whose_it_is(
    archives: LocalArchives, folder: Path
) -> None:
    (folder / "manifest.json").write_bytes(b"\0")

    written = await archives.write(order())

    assert await archives.verify(PLACE) == written


async def test_a_foreign_file_in_the_way_is_named_and_kept(archives: LocalArchives, folder: Path) -> None:
    (folder / "notes.txt").touch()
    before = contents(folder)

    with pytest.raises(ArchiveFailedError, match=r"notes\.txt is not a file of an archive"):
        await archives.write(order())
    with pytest.raises(ArchiveFailedError, match=r"notes\.txt is not a file of an archive"):
        await archives.purge(PLACE)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "link", ["ACME", "ACME/sandbox", "ACME/sandbox/confluence_pages", f"ACME/sandbox/confluence_pages/{ID}"]
)
async def test_no_link_is_followed(archives: LocalArchives, root: Path, tmp_path: Path, link: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ArchiveFailedError, match="symbolic link"):
        await archives.write(order())
    with pytest.raises(ArchiveFailedError, match="symbolic link"):
        await archives.manifest(PLACE)
    with pytest.raises(ArchiveFailedError, match="symbolic link"):
        await archives.purge(PLACE)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert await archives.places() == []


async def test_a_linked_file_is_not_read(archives: LocalArchives, folder: Path, tmp_path: Path) -> None:
    (folder / "metadata.json").rename(tmp_path / "metadata.json")
    (folder / "metadata.json").symlink_to(tmp_path / "metadata.json")

    with pytest.raises(ArchiveFailedError, match="symbolic link"):
        await archives.verify(PLACE)


async def test_a_place_that_differs_only_in_case_is_refused(
    archives: LocalArchives, folder: Path, root: Path
) -> None:
    before = contents(folder)

    with pytest.raises(ArchiveFailedError, match="differs from acme only in case"):
        await archives.write(order(place=PLACE.replace("ACME", "acme")))
    assert contents(folder) == before
    assert names(root) == ["ACME"]


async def test_a_purge_that_was_broken_off_is_finished(archives: LocalArchives, folder: Path) -> None:
    (folder / "manifest.json").unlink()
    (folder / "metadata.json").unlink()

    await archives.purge(PLACE)

    assert names(folder.parent) == []


async def test_a_root_that_vanished_is_an_error_and_never_reads_as_empty(
    archives: LocalArchives, root: Path
) -> None:
    shutil.rmtree(root)

    with pytest.raises(ArchiveFailedError, match="not there any more"):
        await archives.write(order())
    with pytest.raises(ArchiveFailedError, match="not there any more"):
        await archives.manifest(PLACE)
    with pytest.raises(ArchiveFailedError, match="not there any more"):
        await archives.places()
    with pytest.raises(ArchiveFailedError, match="not there any more"):
        await archives.purge(PLACE)


def test_a_root_that_cannot_be_made_says_which_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ArchiveFailedError, match=r"Could not make the archive folder .*/file: File exists"):
        LocalArchives(tmp_path / "file")


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the disk is read-only")]
)
@pytest.mark.parametrize("after", range(4))
async def test_a_disk_that_fails_at_any_file_keeps_the_former_archive_and_says_so(
    archives: LocalArchives, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, after: int
) -> None:
    before = contents(folder)
    closed: list[Draft] = []
    close = Draft.close

    def fail(draft: Draft) -> None:
        if len(closed) == after:
            raise OSError(code, os.strerror(code))
        closed.append(draft)
        close(draft)

    monkeypatch.setattr(Draft, "close", fail)
    with pytest.raises(ArchiveFailedError) as caught:
        await archives.write(order(LINES[:3]))

    assert caught.value.message == f"Could not write to {folder}: {words}."
    assert contents(folder) == before


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, with the checkout on its path."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd=CHECKOUT)


def test_a_disk_that_fills_up_in_the_middle_leaves_no_archive(root: Path) -> None:
    ended = run(
        """
        import anyio, os, resource, sys
        from pathlib import Path
        from domain.errors import ArchiveFailedError
        from server.adapters.archives.local import LocalArchives
        from tests.archived import order

        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, 1 << 18))
        archives = LocalArchives(Path(sys.argv[1]))
        try:
            anyio.run(archives.write, order([os.urandom(512).hex().encode()] * 2000, compressed=False))
        except ArchiveFailedError as error:
            print(error.message)
        """,
        root,
    )

    assert (ended.stdout, ended.stderr) == (
        f"Could not write to {root / PLACE}: the file would be larger than this process may write.\n",
        "",
    )
    assert contents(root / PLACE) == {}


KILLED = """
import anyio, os, signal, sys
from pathlib import Path
from server.adapters.archives.local import LocalArchives
from server.disk.durable import Draft
from tests.archived import LINES, order

left = int(sys.argv[2])
publish = Draft.publish

def counted(draft):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    publish(draft)

archives = LocalArchives(Path(sys.argv[1]))
Draft.publish = counted
anyio.run(archives.write, order(LINES[:3]))
"""


@pytest.mark.parametrize("published", range(5))
async def test_killed_before_any_file_is_in_place_there_is_no_archive_and_the_next_write_makes_one(
    archives: LocalArchives, root: Path, published: int
) -> None:
    await archives.write(order())

    ended = run(KILLED, root, published)

    assert ended.returncode == -9
    assert await archives.manifest(PLACE) is None

    written = await archives.write(order())

    assert await archives.verify(PLACE) == written
    assert names(root / PLACE) == FILES


def test_a_file_that_decompresses_to_far_more_stays_in_bounded_memory(root: Path) -> None:
    ended = run(
        """
        import anyio, resource, sys
        from pathlib import Path
        from server.adapters.archives.local import LocalArchives
        from tests.archived import PLACE, checksum, order

        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        lines = [b"x" * 1023] * 100_000

        async def main():
            archives = LocalArchives(Path(sys.argv[1]))
            await archives.write(order(lines[:1000]))
            await archives.verify(PLACE)
            ordered = order(lines, metadata={"checksum": "", "incomplete": True})
            before = peak()
            await archives.write(ordered)
            await archives.verify(PLACE)
            total = 0
            async for chunk in archives.read(PLACE, "documents.jsonl"):
                total += len(chunk)
            print(total, peak() - before < 15)

        anyio.run(main)
        """,
        root,
    )

    assert (ended.stderr, ended.stdout) == ("", "102400000 True\n")
