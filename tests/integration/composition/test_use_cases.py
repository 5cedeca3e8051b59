"""What is composed: the configured Glean or the sandbox, the queue of provisions, and the work that is left behind."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from domain.errors import SettingsError, StoreFailedError
from domain.lifecycle.provision.service import ProvisionRequest
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage
from domain.model.journey import Client, Journey
from domain.model.principal import Principal
from server.adapters.engine.null_engine import NullEngine
from server.adapters.store.sqlite.inspect import has_unfinished_work
from server.composition.diagnostics import run_doctor
from server.composition.glean.platform import open_platform, sandbox_path, serve_sandbox
from server.composition.process import open_services
from server.composition.stores import has_pending_work
from server.composition.use_cases import build_sagas, build_services
from server.settings import load_settings
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.world import open_world, provision_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.lifecycle.sagas.context import Dependencies
    from domain.model.dataset import Dataset
    from domain.ports.engine import Json
    from tests.support.stores.postgres_server import PostgresServer
    from tools.services import Services

KIM = Principal(subject="person:kim")


async def add_client_and_journey(services: Services) -> None:
    await services.registry.add_client(
        Client(client_id="acme", name="Acme", industry="fintech", use_case="developer_productivity"), KIM
    )
    await services.registry.add_journey(
        Journey(journey_id="j1", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE), KIM
    )


async def test_a_glean_that_is_configured_is_used_in_place_of_the_sandbox(tmp_path: Path) -> None:
    async with EmbeddedSandbox(tmp_path / "theirs.sqlite", token="their-key") as theirs:
        settings = load_settings(
            {"GLEAN_API_KEY": "their-key", "GLEAN_BASE_URL": theirs.base_url},
            data_dir=tmp_path / "ours",
            cwd=tmp_path,
        )
        async with open_platform(settings) as platform:
            found = await platform.fetch_fingerprint()
    assert (found.dialect, found.url) == ("admin", theirs.base_url)
    assert found.tenant == theirs.sandbox.tenant_id()
    assert not (tmp_path / "ours").exists()


async def test_the_embedded_sandbox_is_the_same_glean_at_every_start(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)
    seen = []
    for _ in range(2):
        async with open_platform(settings) as platform:
            seen.append(await platform.fetch_fingerprint())
    assert seen[0] == seen[1]


async def test_what_a_looking_process_admits_is_left_to_one_that_runs_sagas(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)
    async with open_services(settings, sagas=False) as services:
        await add_client_and_journey(services)
        assert not has_pending_work(settings)
        begun = await services.provisioning.start_or_attach(
            ProvisionRequest(
                client_id="acme",
                journey_id="j1",
                stage=Stage.SANDBOX,
                dataset_type=DatasetType.SLACK_MESSAGES,
                record_count=20,
            ),
            KIM,
        )
        still = await services.provisioning.wait(begun, 0.1)
        assert still.dataset.status is DatasetStatus.PROVISIONING
        assert has_pending_work(settings)
    async with open_services(settings, sagas=True) as services:
        done = await services.provisioning.wait(begun, 60)
        assert done.dataset.status is DatasetStatus.READY
    assert not has_pending_work(settings)


async def test_provisions_beyond_the_limit_wait_for_their_turn_and_say_so(tmp_path: Path) -> None:
    async with open_world(tmp_path) as place, place.open_process() as process:
        await process.add_client_and_journey()
        begun, may_end = anyio.Event(), anyio.Event()
        inside: list[int] = []

        class Slow:
            def __getattr__(self, name: str) -> object:
                return getattr(process.deps.templates, name)

            async def list(self) -> object:
                inside.append(1)
                begun.set()
                await may_end.wait()
                return await process.deps.templates.list()

        slow = replace(process.deps, templates=Slow())  # type: ignore[arg-type]
        provision = build_sagas(slow, provisions=1)["provision"]
        first = await queue_provision(process.deps, DatasetType.JIRA_ISSUES)
        second = await queue_provision(process.deps, DatasetType.SLACK_MESSAGES)
        async with anyio.create_task_group() as tasks:
            for each in (first, second):
                assert each.run is not None
                tasks.start_soon(provision, perform, each.dataset_id, each.run.saga_id)
                await begun.wait()
            seen: list[str] = []

            async def watch_progress() -> None:
                while "queue" not in seen:
                    progress = await process.deps.store.read(
                        lambda uow: uow.datasets.get_progress(second.dataset_id)
                    )
                    seen.extend([progress.step] if progress else [])

            await watch_progress()
            assert inside == [1]
            may_end.set()
        for each in (first, second):
            assert (await process.load_dataset(each.dataset_id)).status is DatasetStatus.READY


async def queue_provision(deps: Dependencies, dataset_type: DatasetType) -> Dataset:
    services = build_services(deps, NullEngine(Path()))
    begun = await services.provisioning.start_or_attach(provision_request(dataset_type=dataset_type), KIM)
    return begun.dataset


async def perform(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
    return await effect()


async def test_a_store_that_cannot_be_opened_is_told_and_nothing_else_begins(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"this is no database, and long enough to be read as one" * 10)
    with pytest.raises(StoreFailedError):
        async with open_services(load_settings({}, data_dir=tmp_path, cwd=tmp_path), sagas=True):
            pass


async def test_a_file_that_is_no_sandbox_is_named_and_left_alone(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)
    sandbox_path(settings).write_bytes(b"somebody's notes " * 100)
    with pytest.raises(SettingsError, match=r"glean-sandbox\.sqlite"):
        async with open_platform(settings):
            pass
    with pytest.raises(SettingsError):
        serve_sandbox(settings, "127.0.0.1", 0, None)
    assert sandbox_path(settings).read_bytes().startswith(b"somebody's notes")


async def test_doctor_looks_at_everything_over_the_real_adapters(tmp_path: Path) -> None:
    found = await run_doctor(load_settings({}, data_dir=tmp_path, cwd=tmp_path))
    assert [each.area for each in found if not each.ok] == []
    assert len({each.area for each in found}) >= 6
    broken = await run_doctor(SettingsError("glean.base_url is wrong.", field="glean.base_url"))
    assert [each.ok for each in broken] == [False]


def test_a_folder_without_a_store_has_nothing_unfinished_and_a_foreign_file_says_so(tmp_path: Path) -> None:
    assert not has_unfinished_work(tmp_path / "none.db")
    sqlite3.connect(tmp_path / "empty.db").close()
    assert not has_unfinished_work(tmp_path / "empty.db")
    (tmp_path / "odd.db").write_bytes(b"not a database, surely" * 100)
    with pytest.raises(StoreFailedError):
        has_unfinished_work(tmp_path / "odd.db")


async def test_an_engine_that_is_elsewhere_starts_nothing_and_sees_no_end(tmp_path: Path) -> None:
    engine = NullEngine(tmp_path)
    await engine.start("provision", "provision:d:1", "d")
    assert not await engine.wait("provision:d:1", 0)


async def test_doctor_and_the_look_for_work_ask_the_database_that_is_configured(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.create_database()
    async with EmbeddedSandbox(tmp_path / "theirs.sqlite", token="their-key") as theirs:
        glean = {"GLEAN_API_KEY": "their-key", "GLEAN_BASE_URL": theirs.base_url}
        settings = load_settings(glean | {"DATABASE_URL": url}, data_dir=tmp_path, cwd=tmp_path)
        assert not has_pending_work(settings)
        [found] = [each for each in await run_doctor(settings) if each.area == "store"]
        assert found.ok
        assert not has_pending_work(settings)
        assert not settings.store_path.exists()

        gone = load_settings(glean | {"DATABASE_URL": f"{url}&dbname=gone"}, data_dir=tmp_path, cwd=tmp_path)
        [told] = [each for each in await run_doctor(gone) if each.area == "store"]
    assert not told.ok
    assert "there is no such database" in told.message
    assert "DATABASE_URL" in told.action
    postgres.drop_database(url)
