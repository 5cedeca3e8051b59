"""What is particular to a local folder: what its disk does, and what killed processes leave."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.errors import StagingFailedError
from server.adapters.staging.local import LocalStaging
from server.infra.filesystem.durable import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[4]
ID = "acme-sandbox-confluence-7f3k2m"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "staging"


@pytest.fixture
def staging(root: Path) -> LocalStaging:
    return LocalStaging(root)


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, with the checkout on its path."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd=CHECKOUT)


def files(root: Path) -> list[str]:
    return sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file())


async def test_each_attempt_is_one_file(staging: LocalStaging, root: Path) -> None:
    await staging.write(ID, 3, lambda: iter([b"x\n"]))

    assert files(root) == [f"{ID}/3.jsonl"]


def test_the_root_is_made_at_once_with_its_parents(root: Path, staging: LocalStaging) -> None:
    assert root.is_dir()


def test_a_root_that_cannot_be_made_says_which_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(
        StagingFailedError, match=r"make the staging folder .*file/staging: a part of its path"
    ):
        LocalStaging(tmp_path / "file" / "staging")


async def test_a_root_that_vanished_is_an_error_and_never_reads_as_empty(
    staging: LocalStaging, root: Path
) -> None:
    shutil.rmtree(root)

    with pytest.raises(StagingFailedError, match="no longer exists"):
        await staging.write(ID, 1, lambda: iter([b"x\n"]))
    with pytest.raises(StagingFailedError, match="no longer exists"):
        await staging.measure(ID, 1)
    with pytest.raises(StagingFailedError, match="no longer exists"):
        await staging.list_attempts(ID)
    with pytest.raises(StagingFailedError, match="no longer exists"):
        await staging.delete(ID)
    assert [each.name for each in root.parent.glob("*")] == []


async def test_a_link_in_the_place_of_a_dataset_is_not_followed(
    staging: LocalStaging, root: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "1.jsonl").write_bytes(b"not ours\n")
    (root / ID).symlink_to(elsewhere)

    with pytest.raises(StagingFailedError, match="symbolic link"):
        await staging.write(ID, 1, lambda: iter([b"x\n"]))
    with pytest.raises(StagingFailedError, match="symbolic link"):
        await staging.delete(ID)
    assert (elsewhere / "1.jsonl").read_bytes() == b"not ours\n"


async def test_a_link_in_the_place_of_an_attempt_is_not_read(
    staging: LocalStaging, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret\n")
    (root / ID).mkdir()
    (root / ID / "1.jsonl").symlink_to(tmp_path / "secret")

    with pytest.raises(StagingFailedError, match="symbolic link"):
        await staging.measure(ID, 1)
    with pytest.raises(StagingFailedError, match="symbolic link"):
        await anext(aiter(staging.iterate_pages(ID, 1, max_count=1, max_bytes=1)))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "this account has no permission"),
        (errno.ENETDOWN, "Network is down"),
    ],
)
async def test_what_the_disk_says_is_told_with_the_folder(
    staging: LocalStaging, root: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def refuse(draft: Draft, data: bytes) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Draft, "write", refuse)

    with pytest.raises(StagingFailedError) as caught:
        await staging.write(ID, 1, lambda: iter([b"x\n"]))

    assert caught.value.message == f"Could not write to {root / ID}: {words}."
    assert files(root) == []


def test_a_disk_that_fills_up_leaves_the_old_content_and_no_part_of_the_new(
    staging: LocalStaging, root: Path
) -> None:
    ended = run(
        """
        import anyio, resource, sys
        from pathlib import Path
        from domain.errors import StagingFailedError
        from server.adapters.staging.local import LocalStaging

        staging = LocalStaging(Path(sys.argv[1]))
        anyio.run(staging.write, sys.argv[2], 1, lambda: iter([b"old\\n"]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        try:
            anyio.run(staging.write, sys.argv[2], 1, lambda: iter([b"x" * 65535 + b"\\n"] * 100))
        except StagingFailedError as error:
            print(error.message)
        """,
        root,
        ID,
    )

    assert (
        ended.stdout
        == f"Could not write to {root / ID}: the file would be larger than this process may write.\n"
    )
    assert {name: (root / name).read_bytes() for name in files(root)} == {f"{ID}/1.jsonl": b"old\n"}


async def test_what_a_killed_process_left_is_cleaned_by_the_next_write_of_the_same(
    staging: LocalStaging, root: Path
) -> None:
    ended = run(
        """
        import anyio, os, signal, sys
        from pathlib import Path
        from server.adapters.staging.local import LocalStaging

        def produce():
            yield b"x\\n"
            os.kill(os.getpid(), signal.SIGKILL)

        staging = LocalStaging(Path(sys.argv[1]))
        anyio.run(staging.write, sys.argv[2], 1, produce)
        """,
        root,
        ID,
    )
    left = files(root)
    other = root / ID / ".11.jsonl.0123abcd.tmp"
    other.touch()

    assert ended.returncode == -9
    assert len(left) == 1
    assert await staging.list_attempts(ID) == []

    await staging.write(ID, 1, lambda: iter([b"y\n"]))

    assert files(root) == [f"{ID}/.11.jsonl.0123abcd.tmp", f"{ID}/1.jsonl"]


async def test_removing_an_attempt_removes_what_a_killed_process_left_of_it(
    staging: LocalStaging, root: Path
) -> None:
    (root / ID).mkdir()
    (root / ID / ".1.jsonl.0123abcd.tmp").touch()

    await staging.delete(ID, 1)

    assert files(root) == []


async def test_a_file_replaced_between_two_pages_is_noticed(staging: LocalStaging) -> None:
    await staging.write(ID, 1, lambda: iter([b"a\nb\n"]))
    pages = aiter(staging.iterate_pages(ID, 1, max_count=1, max_bytes=100))
    first = await anext(pages)
    await staging.write(ID, 1, lambda: iter([b"longer\nlines\n"]))

    with pytest.raises(StagingFailedError, match="replaced while it was being read"):
        await anext(pages)
    assert first == [b"a"]


async def test_the_last_line_of_a_cut_off_file_is_given_as_it_is(staging: LocalStaging, root: Path) -> None:
    written = await staging.write(ID, 1, lambda: iter([b"a\nbcd\n"]))
    os.truncate(root / ID / "1.jsonl", 4)

    assert [page async for page in staging.iterate_pages(ID, 1, max_count=9, max_bytes=9)] == [[b"a", b"bc"]]
    assert await staging.measure(ID, 1) != written


async def test_a_task_cancelled_by_asyncio_itself_ends_only_when_its_thread_has(
    staging: LocalStaging, root: Path
) -> None:
    begun, ended = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def produce() -> Iterator[bytes]:
        try:
            while True:
                yield b"x\n"
                loop.call_soon_threadsafe(begun.set)
        finally:
            ended.set()

    task = asyncio.create_task(staging.write(ID, 1, produce))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert ended.is_set()
    assert files(root) == []


def test_two_hundred_megabytes_stay_in_bounded_memory(root: Path) -> None:
    ended = run(
        """
        import anyio, resource, sys
        from pathlib import Path
        from server.adapters.staging.local import LocalStaging

        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        line = b'{"id":"' + b"x" * 1014 + b'"}\\n'

        async def main():
            staging = LocalStaging(Path(sys.argv[1]))
            await staging.write("small", 1, lambda: iter([line * 1000]))
            async for page in staging.iterate_pages("small", 1, max_count=1000, max_bytes=4 << 20):
                pass
            before = peak()
            written = await staging.write("big", 1, lambda: (line * 1000 for _ in range(200)))
            count = 0
            async for page in staging.iterate_pages("big", 1, max_count=1000, max_bytes=4 << 20):
                count += len(page)
            assert await staging.measure("big", 1) == written
            print(written.size_bytes > 200_000_000, count, peak() - before < 10)

        anyio.run(main)
        """,
        root,
    )

    assert (ended.stdout, ended.stderr) == ("True 200000 True\n", "")
