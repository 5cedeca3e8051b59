"""A disk that fails, a process that is killed, and memory."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.errors import ArchiveFailedError
from server.infra.filesystem.durable import Draft
from tests.support.content.archive_orders import FILES, LINES, PLACE, archive_order, file_contents, file_names

if TYPE_CHECKING:
    from server.adapters.archives.local import LocalArchives

CHECKOUT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the disk is read-only")]
)
@pytest.mark.parametrize("after", range(4))
async def test_a_disk_that_fails_at_any_file_keeps_the_former_archive_and_says_so(
    archives: LocalArchives, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, after: int
) -> None:
    before = file_contents(folder)
    closed: list[Draft] = []
    close = Draft.close

    def fail(draft: Draft) -> None:
        if len(closed) == after:
            raise OSError(code, os.strerror(code))
        closed.append(draft)
        close(draft)

    monkeypatch.setattr(Draft, "close", fail)
    with pytest.raises(ArchiveFailedError) as caught:
        await archives.write(archive_order(LINES[:3]))

    assert caught.value.message == f"Could not write to {folder}: {words}."
    assert file_contents(folder) == before


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
        from tests.support.content.archive_orders import archive_order

        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, 1 << 18))
        archives = LocalArchives(Path(sys.argv[1]))
        try:
            anyio.run(archives.write, archive_order([os.urandom(512).hex().encode()] * 2000, compressed=False))
        except ArchiveFailedError as error:
            print(error.message)
        """,
        root,
    )

    assert (ended.stdout, ended.stderr) == (
        f"Could not write to {root / PLACE}: the file would be larger than this process may write.\n",
        "",
    )
    assert file_contents(root / PLACE) == {}


KILLED = """
import anyio, os, signal, sys
from pathlib import Path
from server.adapters.archives.local import LocalArchives
from server.infra.filesystem.durable import Draft
from tests.support.content.archive_orders import LINES, archive_order

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
anyio.run(archives.write, archive_order(LINES[:3]))
"""


@pytest.mark.parametrize("published", range(5))
async def test_killed_before_any_file_is_in_place_there_is_no_archive_and_the_next_write_makes_one(
    archives: LocalArchives, root: Path, published: int
) -> None:
    await archives.write(archive_order())

    ended = run(KILLED, root, published)

    assert ended.returncode == -9
    assert await archives.read_manifest(PLACE) is None

    written = await archives.write(archive_order())

    assert await archives.verify(PLACE) == written
    assert file_names(root / PLACE) == FILES


@pytest.mark.resilience
def test_a_file_that_decompresses_to_far_more_stays_in_bounded_memory(root: Path) -> None:
    ended = run(
        """
        import anyio, resource, sys
        from pathlib import Path
        from server.adapters.archives.local import LocalArchives
        from tests.support.content.archive_orders import PLACE, archive_order

        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        lines = [b"x" * 1023] * 100_000

        async def main():
            archives = LocalArchives(Path(sys.argv[1]))
            await archives.write(archive_order(lines[:1000]))
            await archives.verify(PLACE)
            ordered = archive_order(lines, metadata={"checksum": "", "incomplete": True})
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
