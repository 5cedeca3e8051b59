"""What a process did before it died, or before its answer was lost, is met by the next and done no second time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from domain.lifecycle import COMPENSATION_SAGA, run_saga
from domain.lifecycle.provision.compensation import revert_connector
from domain.lifecycle.sagas import Step, load_saga_context
from domain.model import DatasetStatus, PendingCompensation, Run
from tests.support.saga_steps import install_steps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from domain.lifecycle.sagas import SagaContext
    from domain.model import Dataset
    from domain.ports import Json, Store, UnitOfWork
    from tests.support.world import World


class LostAnswerStore:
    """A store whose commits arrive and whose answers do not, so that each change is asked for once more."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._store, name)

    async def transact(self, work: Callable[[UnitOfWork], Any], **how: bool) -> Any:  # noqa: ANN401
        await self._store.transact(work, **how)
        return await self._store.transact(work, **how)


async def test_content_is_switched_once_though_the_answer_of_the_commit_was_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_answers(step: Step) -> Step:
        async def do(context: SagaContext) -> None:
            deps = replace(context.deps, store=LostAnswerStore(context.deps.store))
            await step.action(replace(context, deps=deps))

        return replace(step, action=do) if step.name == "index" else step

    install_steps(lose_answers, monkeypatch.setattr)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        made = await process.provision()
    assert made.status is DatasetStatus.READY
    assert made.content is not None
    assert (made.content.record_count, made.staged) == (30, None)


async def test_a_compensation_that_was_carried_out_before_is_passed_over(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        made = await process.provision()
        now = process.deps.clock.now()
        run = Run.start(COMPENSATION_SAGA.kind, made.dataset_id, "1:1", now)
        await process.deps.store.transact(lambda uow: uow.datasets.put(made.evolve(run=run)))

        async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            return {"undos": [[1, "connect"]]} if step == "list" else await effect()

        await run_saga(COMPENSATION_SAGA, process.deps, perform, made.dataset_id, run.saga_id)
        assert await process.load_dataset(made.dataset_id) == made
        assert len(world.served_document_ids(made.name)) == 30


async def test_what_goes_with_a_datasource_is_pending_no_more(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        made = await process.provision()
        now = process.deps.clock.now()
        run = Run.start("provision", made.dataset_id, made.attempt, now)

        def begin(uow: UnitOfWork) -> Dataset:
            held = made.evolve(run=run)
            uow.datasets.put(held)
            for what in ("index", "push", "populate"):
                uow.compensations.put(
                    PendingCompensation(
                        dataset_id=made.dataset_id, attempt=made.attempt, what=what, cause="away", since=now
                    )
                )
            return held

        await process.deps.store.transact(begin)
        await revert_connector(await load_saga_context(process.deps, made.dataset_id, run.saga_id))
        left = await process.deps.store.read(lambda uow: uow.compensations.find(made.dataset_id))
        assert [each.what for each in left] == ["populate"]
        assert (await process.load_dataset(made.dataset_id)).connector_id is None
        assert world.active_datasources() == []


async def test_a_retried_compensation_of_a_superseded_saga_ends_it(world: World) -> None:
    async with world.open_process() as process:
        await process.add_client_and_journey()
        made = await process.provision()
        now = process.deps.clock.now()
        run = Run.start(COMPENSATION_SAGA.kind, made.dataset_id, "1:1", now)
        pending = PendingCompensation(
            dataset_id=made.dataset_id, attempt=1, what="push", cause="away", since=now
        )

        def begin(uow: UnitOfWork) -> None:
            uow.datasets.put(made.evolve(run=run))
            uow.compensations.put(pending)

        await process.deps.store.transact(begin)
        performed: list[str] = []

        async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            performed.append(step)
            if step == "undo push of 1":  # another saga takes the dataset over meanwhile
                await process.deps.store.transact(lambda uow: uow.datasets.put(made))
            return await effect()

        await run_saga(COMPENSATION_SAGA, process.deps, perform, made.dataset_id, run.saga_id)
        assert performed == ["list", "undo push of 1"]
        left = await process.deps.store.read(lambda uow: uow.compensations.find(made.dataset_id))
        assert left == [pending]
