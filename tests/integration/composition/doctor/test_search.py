"""Where golden questions can be asked, as configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import PlatformDeniedError
from server.composition.diagnostics import run_doctor
from server.composition.glean.platform import open_platform
from server.doctor.search import AREA
from server.settings import load_settings
from tests.support.sandbox.embedded import EmbeddedSandbox
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from server.doctor.report import Finding

ADA = "ada@example.com"


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[EmbeddedSandbox]:
    """Somebody's Glean, with tokens as its console makes them."""
    with EmbeddedSandbox(tmp_path / "theirs.sqlite") as glean:
        glean.sandbox.tokens.add("indexing-token")
        glean.sandbox.tokens.add("global-token", "client")
        glean.sandbox.tokens.add("adas-token", "client", person=ADA)
        yield glean


async def searches(tmp_path: Path, environ: Mapping[str, str]) -> bool:
    """Whether it can be searched there; and a search, when it can."""
    settings = load_settings(dict(environ), data_dir=tmp_path / "ours", cwd=tmp_path)
    async with open_platform(settings) as platform:
        if platform.capabilities.search:
            assert await platform.search("anything", limit=1) == []
        return platform.capabilities.search


def instance(glean: EmbeddedSandbox, **more: str) -> dict[str, str]:
    return {
        "GLEAN_DIALECT": "indexing",
        "GLEAN_API_KEY": "indexing-token",
        "GLEAN_BASE_URL": glean.base_url,
        **more,
    }


@pytest.mark.parametrize("dialect", ["admin", "indexing"])
async def test_the_embedded_sandbox_is_searched_in_either_dialect(tmp_path: Path, dialect: str) -> None:
    assert await searches(tmp_path, {"GLEAN_DIALECT": dialect})


async def test_an_instance_is_searched_only_with_a_client_token(
    tmp_path: Path, theirs: EmbeddedSandbox
) -> None:
    assert not await searches(tmp_path, instance(theirs))
    assert await searches(tmp_path, instance(theirs, GLEAN_CLIENT_TOKEN="adas-token"))
    assert await searches(tmp_path, instance(theirs, GLEAN_CLIENT_TOKEN="global-token", GLEAN_ACT_AS=ADA))


@pytest.mark.parametrize(
    "wrong",
    [
        {"GLEAN_CLIENT_TOKEN": "indexing-token"},
        {"GLEAN_CLIENT_TOKEN": "global-token"},
        {"GLEAN_CLIENT_TOKEN": "adas-token", "GLEAN_ACT_AS": "bob@example.com"},
    ],
)
async def test_a_token_that_may_not_search_is_denied_and_no_other_is_tried(
    tmp_path: Path, theirs: EmbeddedSandbox, wrong: dict[str, str]
) -> None:
    with pytest.raises(PlatformDeniedError):
        await searches(tmp_path, instance(theirs, **wrong))


async def findings(tmp_path: Path, environ: Mapping[str, str]) -> list[Finding]:
    settings = load_settings(dict(environ), data_dir=tmp_path / "ours", cwd=tmp_path)
    return [each for each in await run_doctor(settings) if each.area == AREA]


async def test_doctor_tells_whether_the_client_token_searches(
    tmp_path: Path, theirs: EmbeddedSandbox
) -> None:
    [good] = await findings(tmp_path, instance(theirs, GLEAN_CLIENT_TOKEN="adas-token"))
    assert (good.ok, good.message) == (True, "the client token can search: golden questions are asked")
    [bad] = await findings(tmp_path, instance(theirs, GLEAN_CLIENT_TOKEN="indexing-token"))
    assert not bad.ok
    assert bad.message == (
        "Glean's search was tried once: it answered 401, because the client token may not search."
    )
    assert bad.action.startswith("Have a Client API token with the scope SEARCH made in Glean")
    assert "indexing-token" not in f"{bad.message}{bad.action}"


@pytest.mark.parametrize(
    ("act_as", "action"),
    [
        ({}, "Set glean.act_as (GLEAN_ACT_AS) to the e-mail address of the person"),
        ({"GLEAN_ACT_AS": ADA}, "Check that glean.act_as (GLEAN_ACT_AS) is the e-mail address"),
    ],
)
async def test_doctor_names_the_person_whom_a_global_token_lacks(
    tmp_path: Path, theirs: EmbeddedSandbox, act_as: dict[str, str], action: str
) -> None:
    missing = b"Required header missing: X-Glean-ActAs"
    theirs.sandbox.faults.add(
        Fault(kind="status", operation="search", status=400, content=missing, times=None)
    )
    [found] = await findings(tmp_path, instance(theirs, GLEAN_CLIENT_TOKEN="global-token", **act_as))
    assert (found.ok, found.message) == (False, "Glean's search was tried once: it answered 400.")
    assert found.action.startswith(action)


async def test_doctor_says_nothing_of_search_where_there_is_no_client_token_or_no_glean(
    tmp_path: Path, theirs: EmbeddedSandbox
) -> None:
    assert await findings(tmp_path, instance(theirs)) == []
    assert await findings(tmp_path, {"GLEAN_CLIENT_TOKEN": "t"}) == []
    theirs.sandbox.faults.add(Fault(kind="status", operation="*", status=404, body="html", times=None))
    assert await findings(tmp_path, instance(theirs, GLEAN_CLIENT_TOKEN="adas-token")) == []
