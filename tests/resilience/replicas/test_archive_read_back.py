"""Whoever deletes has read the archive back itself: what a process found that died since counts for nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from domain.errors import ArchiveFailedError
from domain.model.enums import DatasetStatus, TeardownReason
from tests.support.inline_engine import CrashAt, ProcessDied
from tests.support.world import OPERATOR, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.lifecycle.sagas.context import Dependencies
    from tests.support.world import World

RECORDS = 12


class DyingPort:
    """A port by which a process dies, before what it calls there has any effect."""

    def __init__(self, port: object, effect: str) -> None:
        assert hasattr(port, effect), effect
        self._port = port
        self._effect = effect

    def __getattr__(self, name: str) -> object:
        return self._die if name == self._effect else getattr(self._port, name)

    async def _die(self, *_: object) -> NoReturn:
        raise ProcessDied(self._effect)


@pytest.fixture
async def world(tmp_path: Path, database: str) -> AsyncIterator[World]:
    async with open_world(tmp_path, records=RECORDS, database=database) as found:
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
        (("platform", "delete_datasource"), "disconnect", RECORDS),
        (CrashAt("disconnect", "inside"), "delete", 0),
        (CrashAt("disconnect", "after"), "delete", 0),
        (("staging", "delete"), "delete", 0),
    ],
    ids=str,
)
async def test_an_archive_damaged_between_a_death_and_the_adoption_stops_what_would_be_deleted_next(
    world: World, death: CrashAt | tuple[str, str], refused_at: str, served: int
) -> None:
    crash = death if isinstance(death, CrashAt) else None

    def deadly(deps: Dependencies) -> Dependencies:
        if isinstance(death, CrashAt):
            return deps
        port, effect = death
        changed: dict[str, Any] = {port: DyingPort(getattr(deps, port), effect)}
        return replace(deps, **changed)

    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision()
        await process.complete_journey()
    async with world.open_process(crash=crash, replace=deadly) as process:
        await process.services.teardowns.start_or_attach(
            dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, OPERATOR
        )
        await process.engine.wait(list(world.journal)[-1], 30)
        assert process.engine.dead
    damage(world)
    staged = world.staged_files()
    assert staged
    async with world.open_process() as process:
        await process.services.sagas.resume(respect_backoff=False)
        stands, _ = await process.services.sagas.wait(dataset.dataset_id, 30)
        assert stands.status is DatasetStatus.TEARDOWN
        assert stands.teardown is not None
        assert stands.teardown.failure is not None
        failure = stands.teardown.failure
        assert (failure.step, failure.code) == (refused_at, ArchiveFailedError.code)
        assert world.staged_files() == staged
        assert len(world.glean.documents(dataset.name)) == served
        # While it is staged it can be archived anew; then, and only then, the rest goes.
        assert (await process.tear_down(dataset)).status is DatasetStatus.ARCHIVED
    assert world.staged_files() == []
