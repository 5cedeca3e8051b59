"""The page's commands for PostgreSQL, in the middle of work: what they make is an installation that goes on with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from anyio import to_thread

from domain.model.enums import JourneyState, Stage
from domain.model.journey import Client, Journey
from domain.ports import DatasetQuery
from server.composition.process import open_services
from server.composition.stores import has_pending_work
from server.settings import load_settings
from tests.resilience.processes.conftest import EFFECTS_OF_ONE_PROVISION
from tests.support.content.docs_pages import load_page
from tests.support.polling import wait_for
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.servers.data_folder import KIM, NAME, REPOSITORY, provision_request
from tests.support.state_snapshot import visible_effects
from tests.support.stores.postgres_server import find_postgres_programs

if TYPE_CHECKING:
    from pathlib import Path

    from server.settings import Settings
    from tests.support.stores.postgres_server import PostgresServer

KEY = "their-key"


def _commands(tool: str, folder: Path) -> str:
    """The block of the page that calls a program, on folders of ours."""
    (found,) = (each.text for each in load_page("docs/backup.md").code_blocks("sh") if tool in each.text)
    return found.replace("/srv/", f"{folder}/")


def _run(script: str, url: str) -> None:
    environ = {**os.environ, "DATABASE_URL": url, "PATH": f"{find_postgres_programs()}:{os.environ['PATH']}"}
    done = subprocess.run(
        ("sh", "-e", "-c", script), env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_a_dump_of_an_installation_at_work_is_restored_and_goes_on(
    postgres: PostgresServer, engine_template: str, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "backup").mkdir()
    shared = tmp_path / "shared"
    url, other = postgres.create_database(engine_template), postgres.create_database()
    config = tmp_path / "config.yaml"
    config.write_text(
        f"dataops: {{staging: {{url: {shared}/staging}}, archival: {{storage_path: {shared}/archives}}}}"
    )
    async with EmbeddedSandbox(tmp_path / "theirs.sqlite", token=KEY) as theirs:
        glean = theirs.sandbox

        def settings(database: str, folder: str) -> Settings:
            environ = {
                "GLEAN_API_KEY": KEY,
                "GLEAN_BASE_URL": theirs.base_url,
                "DATABASE_URL": database,
                REPOSITORY: str(repository),
            }
            return load_settings(environ, config, tmp_path / folder)

        glean.set_indexing_rate(1_000_000, minimum_seconds=3600)
        async with open_services(settings(url, "one"), sagas=True) as services:
            await services.registry.add_client(
                Client(client_id="acme", name="acme", industry="fintech", use_case="developer_productivity"),
                KIM,
            )
            await services.registry.add_journey(
                Journey(journey_id="j1", client_id="acme", stage=Stage.SANDBOX, state=JourneyState.ACTIVE),
                KIM,
            )
            await services.provisioning.start_or_attach(provision_request(), KIM)
            await wait_for(lambda: [each["status"] for each in glean.sync_jobs(NAME)] == ["RUNNING"], 60)
            await to_thread.run_sync(_run, _commands("pg_dump", tmp_path), url)

        shutil.rmtree(shared)
        shared.mkdir()
        postgres.drop_database(url)
        await to_thread.run_sync(_run, _commands("pg_restore", tmp_path), other)
        glean.set_indexing_rate(1_000_000, minimum_seconds=0)
        with glean.world.database.write() as connection:
            connection.execute("UPDATE job SET duration = 0")
        again = settings(other, "two")
        async with open_services(again, sagas=True) as services:
            await wait_for(lambda: not has_pending_work(again), 60)
            [dataset] = await services.datasets.list(DatasetQuery(), KIM)
        assert dataset.status == "ready"
        assert visible_effects(glean) == EFFECTS_OF_ONE_PROVISION
    postgres.drop_database(other)
