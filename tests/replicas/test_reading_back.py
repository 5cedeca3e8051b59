"""Whoever deletes has read the archive back itself: what a process found that died since counts for nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from domain.errors import ArchiveFailedError
from domain.vocabulary import DatasetStatus, TeardownReason
from server.adapters.engine.inline import CrashAt, ProcessDied
from tests.world import ALL, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.job import Outside
    from tests.world import World

RECORDS = 12


class Last:
    """A port by which a process dies, before what it calls there has any effect."""

    def __init__(self, port: object, effect: str) -> None:
        self._port = port
        self._effect = effect

    def __getattr__(self, name: str) -> object:
        return self._die if name == self._effect else getattr(self._port, name)

    async def _die(self, *_: object) -> NoReturn:
        raise ProcessDied(self._effect)


@pytest.fixture
async def place(tmp_path: Path, database: str) -> AsyncIterator[World]:
    async with world(tmp_path, records=RECORDS, database=database) as found:
        yield found


def damage(place: World) -> None:
    """Turn one bit of the archive over."""
    [documents] = (place.folder / "archives").rglob("documents.jsonl.zst")
    whole = documents.read_bytes()
    documents.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))


@pytest.mark.parametrize(
    ("death", "refused_at", "served"),
    [
        (CrashAt("archive", "after"), "disconnect", RECORDS),
        (("platform", "remove"), "disconnect", RECORDS),
        (CrashAt("disconnect", "inside"), "delete", 0),
        (CrashAt("disconnect", "after"), "delete", 0),
        (("staging", "remove"), "delete", 0),
    ],
    ids=str,
)
async def test_an_archive_damaged_between_a_death_and_the_adoption_stops_what_would_be_deleted_next(
    place: World, death: CrashAt | tuple[str, str], refused_at: str, served: int
) -> None:
    crash = death if isinstance(death, CrashAt) else None

    def deadly(outside: Outside) -> Outside:
        if isinstance(death, CrashAt):
            return outside
        port, effect = death
        changed: dict[str, Any] = {port: Last(getattr(outside, port), effect)}
        return replace(outside, **changed)

    async with place.process() as process:
        await process.arrive()
        dataset = await process.provision()
        await process.complete()
    async with place.process(crash=crash, replace=deadly) as process:
        await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, ALL
        )
        await process.engine.wait(list(place.journal)[-1], 30)
        assert process.engine.dead
    damage(place)
    staged = place.staged()
    assert staged
    async with place.process() as process:
        await process.services.sagas.resume(patiently=False)
        stands, _ = await process.services.sagas.wait(dataset.dataset_id, 30)
        assert stands.status is DatasetStatus.TEARDOWN
        assert stands.teardown is not None
        assert stands.teardown.failure is not None
        failure = stands.teardown.failure
        assert (failure.step, failure.code) == (refused_at, ArchiveFailedError.code)
        assert place.staged() == staged
        assert len(place.glean.documents(dataset.name)) == served
        # While it is staged it can be archived anew; then, and only then, the rest goes.
        assert (await process.tear_down(dataset)).status is DatasetStatus.ARCHIVED
    assert place.staged() == []
