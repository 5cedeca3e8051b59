from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.errors import ArchiveFailedError
from tests.support.content.archive_orders import ID, LINES, PLACE, archive_order, lines_checksum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from domain.ports.archives import Archives


async def content(archives: Archives, name: str, place: str = PLACE) -> bytes:
    return b"".join([chunk async for chunk in archives.read(place, name)])


def with_file_names(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the names of the files only."""
    return {**manifest, "files": sorted(manifest["files"])}


@pytest.mark.parametrize("compressed", [True, False])
async def test_an_archive_reads_back_as_it_was_ordered(archives: Archives, compressed: bool) -> None:
    ordered = archive_order(compressed=compressed)
    end = ".zst" if compressed else ""

    written = await archives.write(ordered)

    assert with_file_names(written) == {
        "format_version": 1,
        "dataset_id": ID,
        "archived_at": "2026-03-01T12:00:00Z",
        "restorable_until": "2026-05-30T12:00:00Z",
        "record_count": 250,
        "checksum": lines_checksum(LINES),
        "full_data": True,
        "files": sorted(
            ["metadata.json", f"sample_data.json{end}", f"quality_reports.json{end}", f"documents.jsonl{end}"]
        ),
    }
    assert await archives.read_manifest(PLACE) == written
    assert await archives.verify(PLACE) == written
    assert json.loads(await content(archives, "metadata.json")) == ordered.metadata
    assert json.loads(await content(archives, "sample_data.json")) == [
        json.loads(line) for line in LINES[:100]
    ]
    assert json.loads(await content(archives, "quality_reports.json")) == [{"score": 99.5}]
    assert await content(archives, "documents.jsonl") == b"".join(line + b"\n" for line in LINES)
    assert json.loads(await content(archives, "manifest.json")) == written


@pytest.mark.parametrize("compressed", [True, False])
async def test_the_documents_come_in_whole_lines(archives: Archives, compressed: bool) -> None:
    lines = [
        b'{"id":"%d","title":"%s"}' % (number, b"x" * (number * 9000)) for number in (0, 1, 90, 250, 2, 3)
    ]
    await archives.write(archive_order(lines, compressed=compressed))

    def read() -> list[bytes]:
        with archives.open_documents(PLACE) as chunks:
            return list(chunks)

    chunks = await anyio.to_thread.run_sync(read)

    assert len(chunks) > 1
    assert all(each.endswith(b"\n") for each in chunks)
    assert b"".join(chunks) == b"".join(line + b"\n" for line in lines)


async def test_documents_that_are_not_kept_cannot_be_opened(archives: Archives) -> None:
    await archives.write(archive_order(None))

    def read(place: str) -> None:
        with archives.open_documents(place):
            raise AssertionError("there is nothing to read")

    with pytest.raises(ArchiveFailedError, match=r"has no documents\.jsonl"):
        await anyio.to_thread.run_sync(read, PLACE)
    with pytest.raises(ArchiveFailedError, match="no archive"):
        await anyio.to_thread.run_sync(read, f"{PLACE}x")
    with pytest.raises(ArchiveFailedError, match="not the place"):
        await anyio.to_thread.run_sync(read, "..")


async def test_an_archive_of_the_sample_only_says_so(archives: Archives) -> None:
    written = await archives.write(archive_order(None))

    assert with_file_names(written) == {
        "format_version": 1,
        "dataset_id": ID,
        "archived_at": "2026-03-01T12:00:00Z",
        "restorable_until": "2026-05-30T12:00:00Z",
        "record_count": 250,
        "checksum": lines_checksum(LINES),
        "full_data": False,
        "files": ["metadata.json", "quality_reports.json.zst", "sample_data.json.zst"],
    }
    assert await archives.verify(PLACE) == written
    with pytest.raises(ArchiveFailedError, match=r"has no documents\.jsonl"):
        await content(archives, "documents.jsonl")


async def test_a_dataset_that_never_had_content_is_archived_with_an_empty_sample(archives: Archives) -> None:
    ordered = archive_order(None, metadata={"record_count": 0, "checksum": None})
    ordered = type(ordered)(place=PLACE, metadata=ordered.metadata, sample=(), reports=(), documents=None)

    written = await archives.write(ordered)

    assert (written["record_count"], written["full_data"], "checksum" in written) == (0, False, False)
    assert await archives.verify(PLACE) == written
    assert json.loads(await content(archives, "sample_data.json")) == []


async def test_documents_that_are_not_those_of_the_dataset_make_no_archive(archives: Archives) -> None:
    with pytest.raises(ArchiveFailedError, match="249 documents, which are not the 250"):
        await archives.write(
            archive_order(LINES[1:], metadata={"record_count": 250, "checksum": lines_checksum(LINES)})
        )

    assert await archives.read_manifest(PLACE) is None


async def test_what_is_lost_already_may_be_archived_as_incomplete(archives: Archives) -> None:
    said = {"record_count": 250, "checksum": lines_checksum(LINES), "incomplete": True}

    written = await archives.write(archive_order(LINES[:7], metadata=said))

    assert (written["incomplete"], written["record_count"], written["checksum"]) == (
        True,
        7,
        lines_checksum(LINES[:7]),
    )
    assert await archives.verify(PLACE) == written


async def test_writing_again_replaces_the_archive_of_the_same_dataset(archives: Archives) -> None:
    await archives.write(archive_order())
    written = await archives.write(archive_order(LINES[:3], compressed=False))

    assert await archives.verify(PLACE) == written
    assert await content(archives, "documents.jsonl") == b"".join(line + b"\n" for line in LINES[:3])


async def test_a_write_that_fails_leaves_the_former_archive_as_it_was(archives: Archives) -> None:
    written = await archives.write(archive_order())

    async def break_off() -> AsyncIterator[Sequence[bytes]]:
        yield LINES[:100]
        raise ValueError("staging broke")

    failing = archive_order()
    with pytest.raises(ValueError, match="staging broke"):
        await archives.write(
            type(failing)(
                place=PLACE,
                metadata=failing.metadata,
                sample=(),
                reports=(),
                documents=break_off,
                compressed=False,
            )
        )

    assert await archives.verify(PLACE) == written


async def test_a_write_that_is_cancelled_leaves_no_archive(archives: Archives) -> None:
    begun = anyio.Event()

    async def endless() -> AsyncIterator[Sequence[bytes]]:
        while True:
            yield LINES
            begun.set()

    ordered = archive_order()
    async with anyio.create_task_group() as group:
        group.start_soon(
            archives.write,
            type(ordered)(
                place=PLACE,
                metadata=ordered.metadata,
                sample=(),
                reports=(),
                documents=endless,
                compressed=True,
            ),
        )
        await begun.wait()
        group.cancel_scope.cancel()

    assert await archives.read_manifest(PLACE) is None
    assert await archives.list_places() == []


async def test_an_archive_whose_metadata_names_another_dataset_is_refused(archives: Archives) -> None:
    with pytest.raises(ArchiveFailedError, match="is not the archive folder of other"):
        await archives.write(archive_order(metadata={"dataset_id": "other"}))


async def test_places_are_those_with_a_manifest_in_order(archives: Archives) -> None:
    places = [f"{client}/pilot/jira_issues/{client}-x" for client in ("beta", "acme")]
    for place in places:
        await archives.write(archive_order(place=place))

    assert await archives.list_places() == sorted(places)


async def test_a_purged_archive_is_gone_and_purging_again_is_fine(archives: Archives) -> None:
    other = "ACME/sandbox/confluence_pages/another"
    await archives.write(archive_order())
    kept = await archives.write(archive_order(place=other))

    await archives.purge(PLACE)
    await archives.purge(PLACE)

    assert await archives.read_manifest(PLACE) is None
    assert await archives.list_places() == [other]
    assert await archives.verify(other) == kept


async def test_where_there_is_no_archive_nothing_can_be_read_or_verified(archives: Archives) -> None:
    assert await archives.read_manifest(PLACE) is None
    with pytest.raises(ArchiveFailedError, match="no archive"):
        await archives.verify(PLACE)
    with pytest.raises(ArchiveFailedError, match="no archive"):
        await content(archives, "metadata.json")


async def test_a_location_tells_the_place(archives: Archives) -> None:
    assert archives.location(PLACE).endswith(PLACE)


@pytest.mark.parametrize(
    "place",
    [
        "",
        ID,
        "ACME/sandbox/confluence_pages",
        f"{PLACE}/more",
        f"/{PLACE}",
        f"../sandbox/confluence_pages/{ID}",
        f"ACME/../confluence_pages/{ID}",
        f"ACME//confluence_pages/{ID}",
        "ACME/sandbox/confluence_pages/.",
        "ACME/sandbox/confluence_pages/a\0b",
        "ACME/sandbox/confluence_pages/a\\b",
    ],
)
async def test_what_is_not_a_place_is_refused_everywhere(archives: Archives, place: str) -> None:
    with pytest.raises(ArchiveFailedError, match="not the place"):
        await archives.write(archive_order(place=place))
    with pytest.raises(ArchiveFailedError, match="not the place"):
        await archives.verify(place)
    with pytest.raises(ArchiveFailedError, match="not the place"):
        await archives.read_manifest(place)
    with pytest.raises(ArchiveFailedError, match="not the place"):
        await content(archives, "metadata.json", place)
    with pytest.raises(ArchiveFailedError, match="not the place"):
        await archives.purge(place)
    with pytest.raises(ArchiveFailedError, match="not the place"):
        archives.location(place)
