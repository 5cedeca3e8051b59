"""What `doctor` says of a Glean that speaks the Indexing dialect: each thing that can be wrong, in one clear line."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from domain.errors import SettingsError
from domain.model.enums import DatasetStatus, DatasetType, JourneyState, Stage, TeardownReason
from server.composition.diagnostics import run_doctor
from server.composition.glean.platform import open_platform
from server.composition.process import open_services
from server.doctor.datasources import check_datasources
from server.settings import load_settings
from tests.integration.composition.test_use_cases import KIM, add_client_and_journey
from tests.support.entities import connector
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault
from tests.support.world import provision_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.model.dataset import Dataset
    from server.doctor.report import Finding
    from server.settings import Settings
    from tools.services import Services

TOKEN = "an-indexing-token"
LONG_AGO = datetime.now(UTC) - timedelta(days=1)


@asynccontextmanager
async def open_foreign_sandbox(folder: Path, **made: Any) -> AsyncIterator[tuple[EmbeddedSandbox, Settings]]:
    """Somebody's Glean, and what configures it with a token of theirs."""
    async with EmbeddedSandbox(folder / "theirs.sqlite") as glean:
        glean.sandbox.tokens.add(TOKEN, **made)
        glean.sandbox.set_switches(limits_rate=False)
        yield glean, indexing_settings(folder, glean.base_url)


def indexing_settings(folder: Path, url: str, token: str = TOKEN) -> Settings:
    environ = {"GLEAN_DIALECT": "indexing", "GLEAN_API_KEY": token, "GLEAN_BASE_URL": url}
    return load_settings(environ, data_dir=folder / "data", cwd=folder)


async def findings_by_name(settings: Settings, area: str = "glean") -> list[Finding]:
    return [each for each in await run_doctor(settings) if each.area == area]


async def test_a_token_that_serves_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    async with open_foreign_sandbox(tmp_path) as (glean, settings):
        [told] = await findings_by_name(settings)
        [configuration] = await findings_by_name(settings, "configuration")
        assert told.ok
        assert told.message == f"{glean.base_url} answers (indexing dialect), and the token serves"
        assert configuration.message.endswith(f"Glean is {glean.base_url}, in the dialect indexing")
        assert glean.sandbox.ledger() == []
        assert glean.sandbox.datasources() == []


@pytest.mark.parametrize(
    ("made", "message", "action"),
    [
        (
            {"kind": "client"},
            "answered 401, because the token belongs to another of Glean's APIs",
            "Indexing tokens",
        ),
        ({"expires_at": LONG_AGO}, "answered 401, because the token has expired", "Have an indexing token"),
        (
            {"datasources": ("wiki",)},
            "answered 403, because the token is bound to other datasources",
            "global",
        ),
        (
            {"networks": ("10.0.0.0/8",)},
            "answered 403, because the token is not valid from the address of this machine",
            "greenlisted IPs",
        ),
    ],
)
async def test_a_token_that_will_not_do_is_one_line_with_what_to_do(
    tmp_path: Path, made: dict[str, Any], message: str, action: str
) -> None:
    async with open_foreign_sandbox(tmp_path, **made) as (_, settings):
        [told] = await findings_by_name(settings)
    assert not told.ok
    assert message in told.message
    assert action in told.action
    assert TOKEN not in f"{told.message} {told.action}"


async def test_a_token_of_another_instance_is_told_with_the_address_to_look_at(tmp_path: Path) -> None:
    async with open_foreign_sandbox(tmp_path) as (glean, _):
        [told] = await findings_by_name(indexing_settings(tmp_path, glean.base_url, "a-token-of-elsewhere"))
    assert "because the token is unknown there" in told.message
    assert "Check that glean.base_url is the instance in which the token was made." in told.action


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(kind="status", status=404, body="html", times=None), "answered 404, which is not Glean's API"),
        (
            Fault(kind="status", status=302, body="empty", times=None),
            "answered 302, which is not Glean's API",
        ),
        (Fault(kind="html", times=None), "sent an unexpected response, which is not Glean's API"),
    ],
)
async def test_an_address_where_something_else_answers_is_told(
    tmp_path: Path, fault: Fault, message: str
) -> None:
    async with open_foreign_sandbox(tmp_path) as (glean, settings):
        glean.sandbox.faults.add(fault)
        [told] = await findings_by_name(settings)
    assert message in told.message
    assert told.action.startswith("Check that glean.base_url is the API address of a Glean")


async def test_a_limit_that_is_used_up_is_told_with_when_to_come_again(tmp_path: Path) -> None:
    async with open_foreign_sandbox(tmp_path) as (glean, settings):
        glean.sandbox.faults.add(Fault(kind="status", status=429, retry_after=90, body="plain", times=None))
        [told] = await findings_by_name(settings)
    assert "answered 429" in told.message
    assert "Wait" in told.action


async def test_the_embedded_sandbox_speaks_either_dialect(tmp_path: Path) -> None:
    settings = load_settings({"GLEAN_DIALECT": "indexing"}, data_dir=tmp_path, cwd=tmp_path)
    async with open_platform(settings) as platform:
        assert (await platform.fetch_fingerprint()).dialect == "indexing"
        assert not platform.capabilities.delete
    [told] = await findings_by_name(settings)
    assert told.message == "embedded sandbox answers (indexing dialect), and the token serves"


async def test_our_datasources_are_looked_for_by_name_and_each_difference_is_a_finding(
    tmp_path: Path,
) -> None:
    async with open_foreign_sandbox(tmp_path) as (glean, settings):
        async with open_services(settings, sagas=True) as services:
            await add_client_and_journey(services)
            for each in (DatasetType.SLACK_MESSAGES, DatasetType.JIRA_ISSUES):
                begun = await services.provisioning.start_or_attach(
                    provision_request(dataset_type=each, record_count=20), KIM
                )
                done = await services.provisioning.wait(begun, 60)
                assert done.dataset.status is DatasetStatus.READY
        assert [each.message for each in await findings_by_name(settings, "datasources")] == [
            "2 of 2 in our records are in Glean, and ours"
        ]
        first, second = (str(held["name"]) for held in glean.sandbox.datasources())
        glean.sandbox.delete_datasource(first)
        unmark(glean, second)
        [summary, gone, foreign] = await findings_by_name(settings, "datasources")
        assert summary.message == "0 of 2 in our records are in Glean, and ours"
        assert (gone.ok, gone.warning, gone.message) == (True, True, "not in Glean: ACME-Sandbox-Slack")
        assert (foreign.ok, foreign.message) == (
            False,
            "in Glean, but without our owner tag: ACME-Sandbox-Jira",
        )


def unmark(glean: EmbeddedSandbox, datasource: str) -> None:
    """Do as somebody at the console who changes the address of its home page."""
    api = {
        "base_url": f"{glean.base_url}/api/index/v1",
        "headers": {"Authorization": f"Bearer {glean.token}"},
    }
    with httpx.Client(**api) as console:  # type: ignore[arg-type] # two of many options
        config = console.post("/getdatasourceconfig", json={"datasource": datasource}).json()
        changed = {**config, "name": datasource, "homeUrl": "https://elsewhere.example.com"}
        assert console.post("/adddatasource", json=changed).status_code == 200


async def test_what_was_emptied_is_told_until_it_is_deleted_or_serves_again(tmp_path: Path) -> None:
    async with open_foreign_sandbox(tmp_path) as (glean, settings):
        async with open_services(settings, sagas=True) as services:
            await add_client_and_journey(services)
            dataset = await make_dataset(services)
            await services.registry.set_state("j1", JourneyState.COMPLETED, KIM)
            begun = await services.teardowns.start_or_attach(
                dataset.dataset_id, TeardownReason.JOURNEY_COMPLETED, KIM
            )
            await services.teardowns.wait(begun, 60)
            [left] = await findings_by_name(settings, "datasources")
            assert (left.ok, left.message) == (True, "emptied, and still registered: ACME-Sandbox-Slack")

            await services.registry.set_state("j1", JourneyState.ACTIVE, KIM)
            await make_dataset(services)
            [told] = await findings_by_name(settings, "datasources")
            assert told.message == "1 of 1 in our records are in Glean, and ours"
        for each in glean.sandbox.datasources():
            glean.sandbox.delete_datasource(each["name"])
        assert [each.warning for each in await findings_by_name(settings, "datasources")] == [False, True]


async def make_dataset(services: Services, **changes: Any) -> Dataset:
    begun = await services.provisioning.start_or_attach(
        provision_request(dataset_type=DatasetType.SLACK_MESSAGES, record_count=20, **changes), KIM
    )
    return (await services.provisioning.wait(begun, 60)).dataset


async def test_past_sandbox_no_credential_is_asked_for_where_nothing_signs_in(tmp_path: Path) -> None:
    async with (
        open_foreign_sandbox(tmp_path) as (_, settings),
        open_services(settings, sagas=True) as services,
    ):
        await add_client_and_journey(services)
        await services.registry.promote("j1", Stage.PILOT, KIM)
        dataset = await make_dataset(services, stage=Stage.PILOT)
        assert dataset.status is DatasetStatus.READY


async def test_where_glean_does_not_answer_its_datasources_are_no_second_finding(tmp_path: Path) -> None:
    async with open_foreign_sandbox(tmp_path) as (glean, settings):
        async with open_services(settings, sagas=False) as services:
            await add_client_and_journey(services)
        glean.sandbox.tokens.revoke(TOKEN)
        assert await findings_by_name(settings, "datasources") == []


async def test_connectors_of_another_glean_and_what_lost_our_mark_are_wrong(tmp_path: Path) -> None:
    settings = load_settings({"GLEAN_DIALECT": "indexing"}, data_dir=tmp_path, cwd=tmp_path)
    async with open_platform(settings) as platform:
        here = await platform.fetch_fingerprint()
        elsewhere = replace(here, url="https://acme-be.glean.com")
        kept = [connector(connector_id=f"cn-{number}", name=f"A{number}") for number in range(7)]
        findings = await check_datasources(
            platform, "i1", [replace(each, fingerprint=elsewhere) for each in kept]
        )
    [told] = findings
    assert not told.ok
    assert told.message == (
        "made at https://acme-be.glean.com (indexing dialect), while the embedded sandbox (nobody else sees it; "
        "indexing dialect) is configured: A0, A1, A2, A3, A4 and 2 more"
    )


def test_a_start_with_a_key_alone_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"GLEAN_DIALECT": "indexing", "GLEAN_API_KEY": "k"}, data_dir=tmp_path, cwd=tmp_path)
    assert refused.value.field == "glean.base_url"
