"""A replica that does not fit is refused at its start, with the setting that differs, and the others go on serving."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from server.composition.diagnostics import run_doctor
from server.composition.process import open_services
from server.settings import load_settings
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.servers.replica_fleet import KEY, PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.replica_fleet import ReplicaFleet, ReplicaProcess


async def wait_for_refusal(server: ReplicaProcess) -> str:
    """What it said before it ended by itself."""
    with anyio.fail_after(PATIENCE_S):
        status = await anyio.to_thread.run_sync(server.process.wait, abandon_on_cancel=True)
    assert status == 2, server.log_text
    assert "Traceback" not in server.log_text
    return server.log_text


async def test_a_replica_that_differs_ends_and_says_why(fleet: ReplicaFleet, tmp_path: Path) -> None:
    first = fleet.start_replica("first", "--no-schedules")
    await first.wait_until_ready()
    with EmbeddedSandbox(tmp_path / "other.sqlite", token="their-key") as other:
        started = {
            # Without the setting its key is the one of its own data folder.
            "http.state_keys": fleet.start_replica("keys", config=fleet.write_config("keys", keys=())),
            "glean.base_url": fleet.start_replica("glean", environ={"GLEAN_BASE_URL": other.base_url}),
            "staging.url": fleet.start_replica(
                "folders", config=fleet.write_config("folders", shared="elsewhere")
            ),
        }
        for setting, server in started.items():
            said = await wait_for_refusal(server)
            assert "invalid_configuration" in said
            assert setting in said.replace("\n", " ")
            assert KEY not in said
    await first.wait_until_ready()


async def test_a_server_on_one_machine_proves_its_folders_too(fleet: ReplicaFleet) -> None:
    alone = {"DATABASE_URL": "", "GLEAN_API_KEY": "", "GLEAN_BASE_URL": ""}
    settings = load_settings({}, fleet.write_config("alone"), fleet.folder / "alone")
    async with open_services(settings, sagas=True):
        pass
    shutil.rmtree(settings.archival.storage_path)
    server = fleet.start_replica("alone", "--no-schedules", environ=alone)
    assert "archival.storage_path" in (await wait_for_refusal(server)).replace("\n", " ")


async def test_doctor_says_whether_a_replica_would_be_let_in(fleet: ReplicaFleet) -> None:
    async with open_services(fleet.settings, sagas=True):
        pass
    keyless = load_settings(fleet.environ, fleet.write_config("keyless", keys=()), fleet.folder / "keyless")
    said = [
        each.message
        for settings in (fleet.settings, keyless)
        for each in await run_doctor(settings)
        if each.area == "replicas" and each.ok
    ]
    agrees = "0 replicas serve now, and one with these settings agrees with them"
    assert said[0].startswith("the staging folder is marked as installation ")
    assert said[0].endswith(agrees)
    assert said[1:] == [f"{said[0]}; http.state_keys is empty, and replicas behind one address need it"]


async def test_doctor_says_of_one_machine_what_its_folders_are(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path, cwd=tmp_path)
    async with open_services(settings, sagas=False):
        pass
    [found] = [each for each in await run_doctor(settings) if each.area == "replicas"]
    told = "the staging folder is marked at the first start; the archive folder is marked at the first start"
    assert (found.ok, found.message) == (True, told)


async def test_a_glean_that_does_not_answer_holds_up_no_start(fleet: ReplicaFleet) -> None:
    fleet.sandbox.stop()
    async with open_services(fleet.settings, sagas=True):
        pass
