from __future__ import annotations

import threading
from hashlib import sha256
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidArgumentError, StagingFailedError
from domain.ports.staging import Staged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.ports.staging import Staging

ID = "acme-sandbox-confluence-7f3k2m"


async def put(staging: Staging, attempt: int, *chunks: bytes, dataset_id: str = ID) -> Staged:
    return await staging.write(dataset_id, attempt, lambda: iter(chunks))


async def lines(
    staging: Staging, attempt: int, *, count: int = 1000, size: int = 1 << 20
) -> list[list[bytes]]:
    return [list(page) async for page in staging.iterate_pages(ID, attempt, max_count=count, max_bytes=size)]


async def test_what_is_written_is_told_in_lines_bytes_and_checksum_and_measured_alike(
    staging: Staging,
) -> None:
    written = await put(staging, 1, b'{"a":1}\n{"b":2}\n', b'{"c":3}\n')

    assert written == Staged(
        lines=3, size_bytes=24, checksum=sha256(b'{"a":1}\n{"b":2}\n{"c":3}\n').hexdigest()
    )
    assert await staging.measure(ID, 1) == written


async def test_nothing_produced_is_an_empty_content(staging: Staging) -> None:
    written = await put(staging, 1)

    assert written == Staged(lines=0, size_bytes=0, checksum=sha256().hexdigest())
    assert await lines(staging, 1) == []
    assert await staging.list_attempts(ID) == [1]


async def test_pages_are_bounded_by_count(staging: Staging) -> None:
    await put(staging, 1, b"a\nb\nc\nd\ne\n")

    assert await lines(staging, 1, count=2) == [[b"a", b"b"], [b"c", b"d"], [b"e"]]


async def test_pages_are_bounded_by_bytes_and_a_larger_line_stands_alone(staging: Staging) -> None:
    await put(staging, 1, b"aaa\nbbb\ncccccccccccc\nd\n")

    assert await lines(staging, 1, size=6) == [[b"aaa", b"bbb"], [b"cccccccccccc"], [b"d"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    content=st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=30),
    count=st.integers(1, 7),
    size=st.integers(1, 50),
)
def test_whatever_the_bounds_the_lines_come_back_as_they_were(
    staging: Staging, content: list[bytes], count: int, size: int
) -> None:
    async def whole() -> list[list[bytes]]:
        await put(staging, 1, b"".join(line + b"\n" for line in content))
        return await lines(staging, 1, count=count, size=size)

    pages = anyio.run(whole)

    assert [line for page in pages for line in page] == content
    assert all(len(page) <= count and (len(page) == 1 or sum(map(len, page)) <= size) for page in pages)


async def test_writing_an_attempt_again_replaces_it_and_touches_no_other(staging: Staging) -> None:
    await put(staging, 1, b"old\n")
    kept = await put(staging, 2, b"kept\n")
    await put(staging, 1, b"new\n")

    assert await lines(staging, 1) == [[b"new"]]
    assert await staging.measure(ID, 2) == kept
    assert await staging.list_attempts(ID) == [1, 2]


async def test_attempts_are_in_the_order_of_their_numbers(staging: Staging) -> None:
    for attempt in (10, 9, 1):
        await put(staging, attempt, b"x\n")

    assert await staging.list_attempts(ID) == [1, 9, 10]


async def test_removing_one_attempt_leaves_the_other(staging: Staging) -> None:
    await put(staging, 1, b"x\n")
    await put(staging, 2, b"y\n")

    await staging.delete(ID, 1)

    assert await staging.list_attempts(ID) == [2]
    assert await staging.measure(ID, 1) is None


async def test_removing_a_dataset_leaves_other_datasets(staging: Staging) -> None:
    await put(staging, 1, b"x\n")
    await put(staging, 1, b"y\n", dataset_id="other")

    await staging.delete(ID)

    assert await staging.list_attempts(ID) == []
    assert await staging.list_attempts("other") == [1]


async def test_removing_what_is_not_there_is_fine(staging: Staging) -> None:
    await put(staging, 1, b"x\n")

    await staging.delete(ID, 7)
    await staging.delete("never-staged")
    await staging.delete("never-staged", 1)

    assert await staging.list_attempts(ID) == [1]
    assert await staging.list_attempts("never-staged") == []
    assert await staging.measure("never-staged", 1) is None


async def test_reading_what_is_not_staged_fails(staging: Staging) -> None:
    with pytest.raises(StagingFailedError, match="it does not exist"):
        await lines(staging, 1)


async def test_an_error_of_the_producer_comes_out_unchanged_and_keeps_the_old_content(
    staging: Staging,
) -> None:
    await put(staging, 1, b"old\n")
    broken = OSError("the template's own disk")

    def produce() -> Iterator[bytes]:
        yield b"new\n"
        raise broken

    with pytest.raises(OSError, match="own disk") as caught:
        await staging.write(ID, 1, produce)

    assert caught.value is broken
    assert await lines(staging, 1) == [[b"old"]]


async def test_an_error_of_the_producer_leaves_nothing(staging: Staging) -> None:
    def produce() -> Iterator[bytes]:
        yield b"x\n"
        raise ValueError("record 7")

    with pytest.raises(ValueError, match="record 7"):
        await staging.write(ID, 1, produce)

    assert await staging.list_attempts(ID) == []


async def test_the_producer_runs_in_a_thread_of_its_own_and_is_ended_there(staging: Staging) -> None:
    seen: list[threading.Thread] = []

    def produce() -> Iterator[bytes]:
        try:
            seen.append(threading.current_thread())
            yield b"x\n"
        finally:
            seen.append(threading.current_thread())

    await staging.write(ID, 1, produce)

    assert seen[0] is seen[1] is not threading.main_thread()


class Endless:
    """A producer that goes on until it is ended from outside."""

    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.ended = threading.Event()

    def __call__(self) -> Iterator[bytes]:
        try:
            while True:
                yield b"x\n"
                if not self.begun.is_set():
                    anyio.from_thread.run_sync(self.begun.set)
        finally:
            self.ended.set()


async def test_a_cancelled_write_has_ended_and_left_nothing(staging: Staging) -> None:
    await put(staging, 1, b"old\n")
    producer = Endless()

    async with anyio.create_task_group() as group:
        group.start_soon(staging.write, ID, 1, producer)
        await producer.begun.wait()
        group.cancel_scope.cancel()

    assert producer.ended.is_set()
    assert await lines(staging, 1) == [[b"old"]]


@pytest.mark.parametrize(
    "dataset_id", ["", ".", "..", "../x", "a/b", "/etc", "a\0b", ".hidden", "a\\b", "x" * 201]
)
async def test_a_path_like_id_is_refused_everywhere(staging: Staging, dataset_id: str) -> None:
    with pytest.raises(InvalidArgumentError):
        await put(staging, 1, b"x\n", dataset_id=dataset_id)
    with pytest.raises(InvalidArgumentError):
        await staging.measure(dataset_id, 1)
    with pytest.raises(InvalidArgumentError):
        await staging.delete(dataset_id)
    with pytest.raises(InvalidArgumentError):
        await staging.list_attempts(dataset_id)
    with pytest.raises(InvalidArgumentError):
        await anext(aiter(staging.iterate_pages(dataset_id, 1, max_count=1, max_bytes=1)))
