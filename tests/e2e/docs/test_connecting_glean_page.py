"""Everything that the page on connecting a Glean says of `doctor` is made wrong, and compared."""

from __future__ import annotations

import re
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import anyio
import anyio.lowlevel
import pytest

from domain.errors import SettingsError
from domain.model.connector import OwnerTag
from domain.ports.platform import DatasourceSpec
from server.adapters.glean.indexing.names import datasource_of
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.composition import diagnostics
from server.composition.glean import clients
from server.composition.glean.platform import open_platform
from server.doctor.datasources import check_datasources
from server.settings import load_settings
from tests.support.content.docs_pages import load_page
from tests.support.entities import connector
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from domain.ports.platform import Platform
    from server.settings import Settings

    Wrong: TypeAlias = Callable[[EmbeddedSandbox], dict[str, str] | None]

INSTANCE: Final = "https://acme-be.glean.com"
TOKEN: Final = "an-indexing-token"
THEIRS: Final = OwnerTag(installation="another", dataset_id="d9")
USUAL: Final = {"GLEAN_DIALECT": "indexing", "GLEAN_API_KEY": TOKEN}
ROW: Final = re.compile(
    r"^\| (?P<case>[^|]+) \| `(?P<area>[a-z]+)` (?P<message>[^|]+) \| (?P<action>[^|]+) \|$"
)


def token(**made: Any) -> Wrong:
    """The token is another than it should be."""

    def wrong(sandbox: EmbeddedSandbox) -> None:
        sandbox.sandbox.tokens.add(TOKEN, **made)

    return wrong


def silent(wrong: Wrong) -> Wrong:
    """Glean does not say why it refuses."""

    def wronger(sandbox: EmbeddedSandbox) -> dict[str, str] | None:
        sandbox.sandbox.set_switches(tells_denial=False)
        return wrong(sandbox)

    return wronger


def always_answer(fault: Fault) -> Wrong:
    """Every answer is this one."""

    def wrong(sandbox: EmbeddedSandbox) -> None:
        sandbox.sandbox.tokens.add(TOKEN)
        sandbox.sandbox.faults.add(fault)

    return wrong


def at(url: str) -> Wrong:
    """The address is another."""
    return lambda _: {"GLEAN_BASE_URL": url}


def without(name: str) -> Wrong:
    """One of the settings is not there."""
    return lambda _: {name: ""}


def not_searching(sandbox: EmbeddedSandbox) -> dict[str, str]:
    """The client token is no such token."""
    sandbox.sandbox.tokens.add(TOKEN)
    return {"GLEAN_CLIENT_TOKEN": TOKEN}


def nobody(_: EmbeddedSandbox) -> dict[str, str]:
    """An address at which nobody listens any more."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return {"GLEAN_BASE_URL": f"http://127.0.0.1:{bound.getsockname()[1]}"}


def without_tls(sandbox: EmbeddedSandbox) -> dict[str, str]:
    """An address that says https, of something that does not speak it."""
    return {"GLEAN_BASE_URL": sandbox.base_url.replace("http:", "https:")}


WRONG: Final[dict[str, Wrong]] = {
    "a token, and no address": without("GLEAN_BASE_URL"),
    "an address, and no token": without("GLEAN_API_KEY"),
    "an address with a path": at(f"{INSTANCE}/api/index/v1"),
    "an address with `http://`": at("http://acme-be.glean.com"),
    "an address with a user in it": at("https://kim:secret@acme-be.glean.com"),
    "an address with a query": at(f"{INSTANCE}?x=1"),
    "an address of Glean's that is no instance's": at("https://api.glean.com"),
    "a host that there is not": at("https://no-such-host.invalid"),
    "a host where nobody listens": nobody,
    "a port without TLS": without_tls,
    "another server than Glean's": always_answer(Fault(kind="status", status=404, body="html", times=None)),
    "a page for people": always_answer(Fault(kind="html", times=None)),
    "a redirection": always_answer(Fault(kind="status", status=302, body="empty", times=None)),
    "a limit that is used up": always_answer(Fault(kind="status", status=429, body="plain", times=None)),
    "a client token": token(kind="client"),
    "an expired token": token(expires_at=datetime.now(UTC) - timedelta(days=1)),
    "a token for other datasources": token(datasources=("wiki",)),
    "a token for other addresses": token(networks=("10.0.0.0/8",)),
    "a token that nobody there knows": lambda _: None,
    "a client token that may not search": not_searching,
    "somebody to search as, and no client token": lambda _: {"GLEAN_ACT_AS": "kim@acme.example"},
    "a 401 that says no more": silent(token(kind="client")),
    "a 403 that says no more": silent(token(datasources=("wiki",))),
}


@asynccontextmanager
async def write_faulty_config(case: str, folder: Path) -> AsyncIterator[Settings | SettingsError]:
    """A configuration in which only this is wrong."""
    async with EmbeddedSandbox(folder / "theirs.sqlite") as sandbox:
        changed = WRONG[case](sandbox) or {}
        environ = {**USUAL, "GLEAN_BASE_URL": sandbox.base_url, **changed}
        try:
            yield load_settings(environ, data_dir=folder / "data", cwd=folder)
        except SettingsError as error:
            yield error


async def run_doctor(case: str, folder: Path) -> list[tuple[str, str, str]]:
    """What doctor finds wrong: area, message, and what to do."""
    async with write_faulty_config(case, folder) as settings:
        found = await diagnostics.run_doctor(settings)
    return [(each.area, each.message, each.action) for each in found if not each.ok]


def documented_findings() -> dict[str, tuple[str, str, str]]:
    """What the page says of each case."""
    rows = filter(None, map(ROW.fullmatch, load_page("docs/connecting-glean.md").text.splitlines()))
    return {row["case"]: (row["area"], row["message"], row["action"]) for row in rows}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries there is no pause to speak of."""
    monkeypatch.setattr(clients, "IndexingPlatform", partial(IndexingPlatform, waits=0.001))


@pytest.mark.parametrize("case", WRONG)
async def test_doctor_says_what_the_page_says(case: str, tmp_path: Path) -> None:
    assert await run_doctor(case, tmp_path) == [documented_findings()[case]]


async def test_what_is_wrong_with_our_datasources_is_told_as_on_the_page(tmp_path: Path) -> None:
    async with EmbeddedSandbox(tmp_path / "theirs.sqlite") as sandbox:
        sandbox.sandbox.tokens.add(TOKEN)
        settings = load_settings(
            {**USUAL, "GLEAN_BASE_URL": sandbox.base_url}, data_dir=tmp_path, cwd=tmp_path
        )
        async with open_platform(settings) as platform:
            here = await platform.fetch_fingerprint()
            ours = connector(name="ACME-Sandbox-Jira", handle="h1", fingerprint=here)
            elsewhere = replace(ours, fingerprint=replace(here, url="https://umbrella-be.glean.com"))
            [_, gone] = await check_datasources(platform, "i1", [ours])
            [away] = await check_datasources(platform, "i1", [elsewhere])
            await occupy_datasource_name(platform)
            [_, foreign] = await check_datasources(platform, "i1", [ours])
            with anyio.fail_after(10):
                while await platform.delete_datasource(datasource_of(ours.name), THEIRS) is None:
                    await anyio.lowlevel.checkpoint()
            [left] = await check_datasources(platform, "i1", [], [ours.name, "never-made"])
            assert await check_datasources(platform, "i1", [], ["never-made"]) == []
    assert {
        case: (each.area, each.message.replace(sandbox.base_url, INSTANCE), each.action)
        for case, each in {
            "a datasource of ours that is gone": gone,
            "a datasource that lost our mark": foreign,
            "datasources in another Glean": away,
            "a datasource that was emptied": left,
        }.items()
    } == {case: words for case, words in documented_findings().items() if words[0] == "datasources"}


async def occupy_datasource_name(platform: Platform) -> None:
    """Somebody else's datasource has the name of ours."""
    await platform.ensure(
        DatasourceSpec(
            name="ACME-Sandbox-Jira",
            kind="jira",
            config={},
            mark=THEIRS,
            site="https://mock-jira.example.com/acme/sandbox",
        )
    )


def test_the_page_has_a_line_for_each_thing_that_is_made_wrong_here_and_for_no_other() -> None:
    assert {case for case, words in documented_findings().items() if words[0] != "datasources"} == set(WRONG)
