"""What holds of every dialect that can be searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from domain.errors import PlatformDeniedError, PlatformInvalidError, PlatformTimeoutError
from tests.contracts.platform.conftest import pass_days
from tests.support.glean.datasources import (
    MARK,
    NAME,
    admin_platform,
    indexing_platform,
    push_run,
    serve_run,
    staged_line,
    sync_run,
)
from tests.support.glean.searching_client import searchable_platform
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from domain.ports.platform import Platform, SearchHit
    from server.adapters.glean.admin.platform import AdminPlatform
    from server.adapters.glean.indexing.platform import IndexingPlatform
    from tests.contracts.platform.conftest import ForwardClock
    from tests.support.sandbox.embedded import EmbeddedSandbox

DIALECTS: dict[str, Callable[..., AdminPlatform | IndexingPlatform]] = {
    "admin": admin_platform,
    "indexing": searchable_platform,
}


@pytest.fixture
async def platform(
    dialect: str, glean: EmbeddedSandbox, clock: ForwardClock, switches: Mapping[str, Any]
) -> AsyncIterator[Platform]:
    async with DIALECTS[dialect](glean, clock=clock) as opened:
        yield pass_days(opened, clock, switches)


def ids(hits: object) -> list[str]:
    found: list[SearchHit] = list(hits)  # type: ignore[call-overload]
    return [each.document_id for each in found]


async def test_a_hit_has_the_documents_own_id_title_and_address(platform: Platform) -> None:
    assert platform.capabilities.search
    await serve_run(platform, "run-1", [staged_line(1, "a pelican"), staged_line(2, "a walrus")])
    [hit] = await platform.search("pelican", name=NAME)
    assert (hit.datasource, hit.document_id, hit.title, hit.url) == (
        NAME,
        "page-1",
        "Page 1",
        "https://mock-confluence.example.com/acme/sandbox/pages/1",
    )


@pytest.mark.parametrize("prefixes", [True, False])
async def test_the_id_is_the_documents_own_whatever_form_the_platform_gives_it(
    platform: Platform, glean: EmbeddedSandbox, *, prefixes: bool
) -> None:
    glean.sandbox.set_switches(prefixes_ids=prefixes)
    await serve_run(platform, "run-1", [staged_line(1, "a pelican")])
    assert ids(await platform.search("pelican", name=NAME)) == ["page-1"]
    assert ids(await platform.search("pelican")) == ["page-1"]


async def test_only_the_datasource_that_is_named_is_searched(platform: Platform) -> None:
    await serve_run(platform, "run-1", [staged_line(1, "a pelican")])
    assert ids(await platform.search("pelican", name="Another")) == []
    assert ids(await platform.search("pelican", name=NAME.upper())) == ["page-1"]


@pytest.mark.parametrize("limit", [-1, 0, 1, 3, 100_000])
async def test_no_more_are_given_than_were_asked_for(platform: Platform, limit: int) -> None:
    await serve_run(platform, "run-1", [staged_line(number, "a pelican") for number in range(6)])
    assert len(await platform.search("pelican", name=NAME, limit=limit)) == max(1, min(limit, 6))


async def test_a_question_however_long_or_odd_is_asked(platform: Platform) -> None:
    await serve_run(platform, "run-1", [staged_line(1, "a pelican")])
    for question in ("pelican " * 1000, '"', "\0", "pelican OR (", "a" * 5000):
        assert isinstance(ids(await platform.search(question, name=NAME)), list)


async def test_several_questions_are_answered_in_their_order(platform: Platform) -> None:
    await serve_run(platform, "run-1", [staged_line(number, f"a pelican{number}") for number in range(20)])
    asked = [f"pelican{number}" for number in range(19, -1, -1)]
    found = await platform.search_each(asked, name=NAME, limit=3, seconds=20)
    assert [ids(each) for each in found] == [[f"page-{number}"] for number in range(19, -1, -1)]
    assert await platform.search_each([], name=NAME, limit=3, seconds=1) == []


async def test_a_few_questions_are_asked_at_once(platform: Platform, glean: EmbeddedSandbox) -> None:
    await serve_run(platform, "run-1", [staged_line(1, "a pelican")])
    glean.sandbox.faults.add(Fault(kind="slow", operation="search", seconds=0.2, times=None))
    with anyio.fail_after(1.5):
        assert len(await platform.search_each(["pelican"] * 8, name=NAME, limit=3, seconds=20)) == 8


async def test_questions_that_take_too_long_are_given_up(platform: Platform, glean: EmbeddedSandbox) -> None:
    await serve_run(platform, "run-1", [staged_line(1, "a pelican")])
    glean.sandbox.faults.add(Fault(kind="timeout", operation="search", skip=1, times=None))
    with pytest.raises(PlatformTimeoutError, match=r"Glean answered 1 of 3 searches within 0\.5 seconds"):
        await platform.search_each(["pelican"] * 3, name=NAME, limit=3, seconds=0.5)


async def test_one_question_that_fails_fails_them_all_in_our_words(
    platform: Platform, glean: EmbeddedSandbox
) -> None:
    await serve_run(platform, "run-1", [staged_line(1, "a pelican")])
    glean.sandbox.faults.add(Fault(kind="status", operation="search", status=403, skip=2, times=None))
    with pytest.raises(PlatformDeniedError, match="Glean's search was tried once: it answered 403"):
        await platform.search_each(["pelican"] * 9, name=NAME, limit=3, seconds=20)


async def test_what_was_taken_away_is_not_found_by_search_either(platform: Platform) -> None:
    lines = [staged_line(1, "a pelican"), staged_line(2, "a walrus")]
    handle = await serve_run(platform, "run-1", lines)
    assert await platform.is_still_served(handle, NAME, lines)
    while await platform.delete_datasource(handle, MARK) is None:
        pass
    assert not await platform.is_still_served(handle, NAME, lines)
    assert await platform.search("pelican", name=NAME) == []


async def test_a_client_token_that_was_revoked_keeps_nothing_from_being_taken_for_gone(
    glean: EmbeddedSandbox, clock: ForwardClock, switches: Mapping[str, Any]
) -> None:
    lines = [staged_line(1, "a pelican")]
    glean.sandbox.tokens.add("token-that-searches", "client", person="ada@example.com")
    async with searchable_platform(
        glean, clock=clock, client_token=lambda: "token-that-searches"
    ) as searchable:
        platform = pass_days(searchable, clock, switches)
        handle = await serve_run(platform, "run-1", lines)
        while await platform.delete_datasource(handle, MARK) is None:
            pass
        assert not await platform.is_still_served(handle, NAME, lines)
        glean.sandbox.tokens.revoke("token-that-searches")
        assert not await platform.is_still_served(handle, NAME, lines)


async def test_what_is_replaced_is_no_longer_found(platform: Platform) -> None:
    handle = await serve_run(platform, "run-1", [staged_line(1, "a pelican")])
    await push_run(platform, handle, "run-2", [staged_line(2, "a walrus")])
    await sync_run(platform, handle, "run-2")
    found = await platform.search_each(["pelican", "walrus"], name=NAME, limit=3, seconds=5)
    assert [ids(each) for each in found] == [[], ["page-2"]]


async def test_without_a_client_token_the_indexing_dialect_refuses_to_search(glean: EmbeddedSandbox) -> None:
    async with indexing_platform(glean) as platform:
        assert not platform.capabilities.search
        with pytest.raises(PlatformInvalidError, match="needs a token of its own"):
            await platform.search("pelican")
        with pytest.raises(PlatformInvalidError, match="needs a token of its own"):
            await platform.search_each(["pelican"], name=NAME, limit=3, seconds=1)
