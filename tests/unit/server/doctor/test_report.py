from __future__ import annotations

import getpass
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from domain.errors import (
    MockDataMissingError,
    PlatformDeniedError,
    SettingsError,
    StagingFailedError,
    StoreFailedError,
)
from domain.model.connector import Fingerprint
from domain.model.enums import DatasetType
from domain.ports.platform import Capabilities, Datasource
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.diagnostics import run_doctor
from server.doctor.report import (
    Finding,
    describe_confirmation,
    diagnose,
    folder_probe,
    glean_probe,
    repository_probe,
    store_probe,
)
from server.settings import load_settings
from server.web.auth.jwks import count_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.errors import LifecycleError
    from domain.ports.platform import Platform
    from domain.ports.templates import Templates

ME = getpass.getuser()
IDENTITY = """
dataops:
  identity:
    issuer: https://login.example.com
    audience: https://mcp.example.com/mcp
    jwks_file: jwks.json
    local:
      scopes: [datasets:read]
      clients: []
  http:
    allowed_hosts: [mcp.internal]
"""


async def fine() -> str:
    return "fine"


def failing_probe(error: LifecycleError) -> object:
    async def probe() -> str:
        raise error

    return probe


async def test_everything_well_is_one_finding_an_area(tmp_path: Path) -> None:
    settings = load_settings({}, None, tmp_path / "data", cwd=tmp_path)
    settings.staging.url.mkdir(parents=True)

    found = await diagnose(settings, repository=fine, glean=fine, store=fine, identity=fine)

    room = f"{shutil.disk_usage(tmp_path).free >> 30} GiB free"
    assert found == [
        Finding(
            area="configuration",
            ok=True,
            message="defaults and environment, no file; "
            f"data folder {tmp_path / 'data'}; Glean is the embedded sandbox, nobody else sees it",
        ),
        Finding(
            area="identity",
            ok=True,
            message="none: HTTP listens on the loopback interface only; "
            f"agent:{ME} and person:{ME} have any scope on any client",
        ),
        Finding(
            area="confirmation",
            ok=True,
            message="past sandbox every teardown takes an approval, at sandbox the reason manual takes one or the name "
            f"typed on a terminal, or on stdio in the caller's program; approved by person:{ME}, who types on a "
            "terminal of this account, also what they ask themselves, kept as an approval by one person; "
            f"agent:{ME}, a server, a command without a terminal or whoever calls "
            "/approvals, approves nothing; "
            "an agent with a shell on this account could type a name on a terminal, too (docs/threat-model.md)",
        ),
        Finding(area="repository", ok=True, message="fine"),
        Finding(area="glean", ok=True, message="fine"),
        Finding(area="store", ok=True, message="fine"),
        Finding(area="staging", ok=True, message=f"{tmp_path / 'data/staging'} can be written, {room}"),
        Finding(
            area="archives",
            ok=True,
            message=f"{tmp_path / 'data/archives'} is made when first needed and can be written, {room}",
        ),
    ]


async def test_the_configuration_is_told_with_its_file_and_the_address_of_glean(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("dataops: {}")
    settings = load_settings({"GLEAN_API_KEY": "s3cret"}, file, tmp_path)

    found = await diagnose(settings, repository=fine, glean=fine, store=fine, identity=fine)

    assert found[0].message == f"read from {file}; data folder {tmp_path}; Glean is https://api.glean.com"


async def test_a_configuration_that_cannot_be_read_is_the_only_finding() -> None:
    error = SettingsError("archival.retention_days must be at least 1.")

    assert await diagnose(error, repository=fine, glean=fine, store=fine, identity=fine) == [
        Finding(
            area="configuration",
            ok=False,
            message="archival.retention_days must be at least 1.",
            action="Correct the setting and start again; `dataset-lifecycle doctor` checks all settings.",
        )
    ]


async def test_each_thing_that_is_not_well_says_what_to_do_and_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "staging").touch()
    settings = load_settings({"ARCHIVAL_PATH": str(tmp_path / "staging" / "x")}, None, tmp_path, cwd=tmp_path)

    found = await diagnose(
        settings,
        repository=failing_probe(MockDataMissingError("The repository is not there.")),  # type: ignore[arg-type]
        glean=failing_probe(PlatformDeniedError("Glean refused the key.")),  # type: ignore[arg-type]
        store=failing_probe(StoreFailedError("The store is locked.")),  # type: ignore[arg-type]
        identity=fine,
    )

    assert found[3:] == [
        Finding(
            area="repository",
            ok=False,
            message="The repository is not there.",
            action=MockDataMissingError.action,
        ),
        Finding(area="glean", ok=False, message="Glean refused the key.", action=PlatformDeniedError.action),
        Finding(area="store", ok=False, message="The store is locked.", action=StoreFailedError.action),
        Finding(
            area="staging",
            ok=False,
            message=f"Could not write to {tmp_path / 'staging'}: a part of its path is not a folder.",
            action="Check the staging folder and its disk, then call again.",
        ),
        Finding(
            area="archives",
            ok=False,
            message=f"Could not write to {tmp_path / 'staging'}: a part of its path is not a folder.",
            action="Check the archive folder and its disk, then call again: the work continues from this step.",
        ),
    ]


async def test_a_disk_with_little_room_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(
        StagingFailedError, match=f"The disk of {tmp_path} has only [0-9]+ MiB left"
    ) as caught:
        await folder_probe(tmp_path, StagingFailedError, little_room=1 << 62)()

    assert caught.value.suggested_action == "Free some space on it."


async def test_looking_at_a_folder_leaves_it_as_it_was(tmp_path: Path) -> None:
    await folder_probe(tmp_path / "a" / "b", StagingFailedError)()

    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a path's own listing is refused in async functions


@dataclass(frozen=True)
class OneTemplate:
    dataset_type: DatasetType


class Catalogue:
    async def list(self) -> Sequence[OneTemplate]:
        return [OneTemplate(each) for each in DatasetType] * 2


class Answering:
    def __init__(self, tenant: str | None) -> None:
        self.tenant = tenant
        self.capabilities = Capabilities()

    async def fetch_fingerprint(self) -> Fingerprint:
        return Fingerprint(dialect="admin", url="https://g.example", tenant=self.tenant)

    async def find_datasources(self, names: Sequence[str] | None = None) -> Sequence[Datasource]:
        assert (names is None) is self.capabilities.list
        return [Datasource(handle="1", name="A", kind="jira", mark=None)]


async def test_a_repository_is_told_by_its_templates() -> None:
    catalogue: Templates = Catalogue()  # type: ignore[assignment]

    assert await repository_probe(catalogue)() == "8 templates for 4 dataset types"


@pytest.mark.parametrize(("tenant", "told"), [("acme", ", tenant acme"), (None, "")])
async def test_glean_is_told_by_who_answers(tenant: str | None, told: str) -> None:
    platform: Platform = Answering(tenant)  # type: ignore[assignment]

    assert await glean_probe(platform)() == f"https://g.example answers (admin dialect{told}), 1 datasources"


async def test_a_store_is_told_by_its_installation(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "store.db") as store:
        installation = await store.read(lambda uow: uow.installation)

        assert await store_probe(store)() == f"installation {installation}, 0 live datasets"


async def test_with_identity_it_says_who_may_call_who_may_approve_and_under_which_names(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(IDENTITY)
    settings = load_settings({}, file, tmp_path)

    found = await diagnose(settings, repository=fine, glean=fine, store=fine, identity=fine)

    assert found[1] == Finding(
        area="identity",
        ok=True,
        message="bearers of tokens by https://login.example.com for https://mcp.example.com/mcp, fine; "
        "hosts mcp.example.com, mcp.internal; on stdio and in commands "
        f"agent:{ME} and person:{ME} have datasets:read on no client",
    )
    assert found[2].message == (
        "past sandbox every teardown takes an approval, at sandbox the reason manual takes one or the name typed on a "
        "terminal, or on stdio in the caller's program; approved by "
        "another subject than asked, at /approvals with a token that has datasets:approve and no act claim; "
        f"agent:{ME}, a server or a command without a terminal, approves nothing"
    )
    trusting = describe_confirmation(
        load_settings(
            {}, _write_config(tmp_path, IDENTITY.replace("datasets:read", "datasets:approve")), tmp_path
        )
    )
    assert (
        f"; or by person:{ME}, who types on a terminal of this account, when somebody else asked;" in trusting
    )
    assert trusting.endswith("(docs/threat-model.md)")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ("approval", "takes one or the name typed on a terminal;"),
        (
            "elicitation",
            "takes one or the name typed on a terminal or in the caller's program, over HTTP too;",
        ),
    ],
)
def test_where_a_name_confirms_at_sandbox_is_told_as_it_is_chosen(
    tmp_path: Path, chosen: str, told: str
) -> None:
    text = f"dataops: {{confirmation: {{sandbox: {chosen}}}}}"
    assert told in describe_confirmation(load_settings({}, _write_config(tmp_path, text), tmp_path))


def test_where_nobody_may_approve_it_says_so(tmp_path: Path) -> None:
    text = "dataops: {identity: {local: {scopes: [datasets:read]}}}"
    found = describe_confirmation(load_settings({}, _write_config(tmp_path, text), tmp_path))
    assert "approved by nobody, for this account lacks datasets:approve;" in found
    assert "shell" not in found


def _write_config(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(text)
    return file


async def test_keys_that_cannot_be_had_are_found_before_anybody_is_turned_away(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(IDENTITY)
    settings = load_settings({}, file, tmp_path)

    assert (await run_doctor(settings, count_keys))[1] == Finding(
        area="identity",
        ok=False,
        message="The keys of https://login.example.com are unavailable, so every token is refused: "
        f"{tmp_path / 'jwks.json'}: No such file or directory.",
        action="Check identity.jwks_url or identity.jwks_file, and the network between.",
    )
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    assert ", 0 keys;" in (await run_doctor(settings, count_keys))[1].message
