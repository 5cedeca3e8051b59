"""Datasources, documents and a client, for every test that talks to a Glean."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import asdict
from pydantic import SecretStr

from domain.content.documents import Author, Document
from domain.content.documents import encode_document as encoded
from domain.content.documents.neutral import Body
from domain.model.connector import OwnerTag
from domain.model.enums import DatasetType
from domain.ports.platform import DatasourceSpec
from server.adapters.clock import SystemClock
from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.indexing import wire
from server.adapters.glean.indexing.platform import IndexingPlatform
from server.adapters.glean.transport.rate_limiter import RateLimiter
from server.sandbox.state.switches import Switches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from domain.ports.platform import Platform, SyncJob
    from tests.support.sandbox.embedded import EmbeddedSandbox

PAGE = 3
DEFAULT_SWITCHES = "as guessed"
SLOW = {"indexing_s": 1080.0, "single_s": 180.0, "deletion_s": 600.0}
_NO_GUESS = {"limits_rate", *SLOW}
SWITCH_VARIANTS: dict[str, dict[str, Any]] = {
    DEFAULT_SWITCHES: {},
    **{
        name: {name: not usual}
        for name, usual in asdict(Switches()).items()
        if isinstance(usual, bool) and name not in _NO_GUESS
    },
    "longest_name": {"longest_name": 64},
    "counts_lag_s": {"counts_lag_s": 10_800.0},
    **{name: {name: seconds} for name, seconds in SLOW.items()},
    "slow": SLOW,
    "slow and forgetful": {**SLOW, "restart_forgets": True, "tells_given_up": True},
}
"""Each switch of the Indexing dialect in its other position, and some of them together."""
SWITCH_PARAMS = [
    pytest.param(
        name, marks=() if name in {DEFAULT_SWITCHES, "slow and forgetful"} else pytest.mark.exhaustive
    )
    for name in SWITCH_VARIANTS
]
"""The same for what takes seconds with each: every time the usual one and one with all the delays."""
INSTALLATION_ID = "inst-1"
NAME = "ACME-Sandbox-Confluence"
MARK = OwnerTag(installation=INSTALLATION_ID, dataset_id="acme-sandbox-confluence-7f3k2m")
SITE = "https://mock-confluence.example.com/acme/sandbox"
CONFIG: dict[str, Any] = {
    "baseUrl": "https://mock-confluence.example.com",
    "spaceKeys": ["ENG"],
    "authentication": {"type": "API_TOKEN"},
    "syncSettings": {"fullSyncSchedule": "0 2 * * *", "incrementalSyncSchedule": "0 */4 * * *"},
}


def without_pace() -> RateLimiter:
    """A limiter that keeps nobody waiting: a test is no load on a Glean, and at our pace it would mostly wait."""
    return RateLimiter(per_second=1e6)


def admin_platform(glean: EmbeddedSandbox, **given: Any) -> AdminPlatform:
    """A client of that sandbox that hardly waits, neither between requests nor between tries."""
    return AdminPlatform(glean.base_url, **_client_options(glean, given))


def indexing_platform(glean: EmbeddedSandbox, **given: Any) -> IndexingPlatform:
    """The same in the Indexing dialect."""
    return IndexingPlatform(glean.base_url, **_client_options(glean, given))


def _client_options(glean: EmbeddedSandbox, given: dict[str, Any]) -> dict[str, Any]:
    usual = {
        "token": SecretStr(glean.token),
        "clock": SystemClock(),
        "limiter": without_pace(),
        "waits": 0.001,
    }
    return {**usual, **given}


def datasource_spec(name: str = NAME, mark: OwnerTag = MARK, **config: Any) -> DatasourceSpec:
    """A Confluence datasource of that name."""
    return DatasourceSpec(name=name, kind="confluence", config={**CONFIG, **config}, mark=mark, site=SITE)


def neutral_document(
    number: int, text: str = "the ledger was late", kind: DatasetType = DatasetType.CONFLUENCE_PAGES
) -> Document:
    """A document that everybody may read."""
    return Document(
        type=kind.value,
        id=f"page-{number}",
        title=f"Page {number}",
        body=Body("text/html", f"<p>{text}</p>"),
        container="ENG",
        author=Author("mira@acme.example", "Mira"),
        url=f"https://mock-confluence.example.com/acme/sandbox/pages/{number}",
        updated=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        readers=("everyone",),
        created=datetime(2026, 1, 1, tzinfo=UTC),
        properties={"labels": ["a"]},
        references=("page-1",),
    )


def staged_line(number: int, text: str = "the ledger was late") -> bytes:
    """A staged page."""
    return encoded(neutral_document(number, text))


async def staged_pages(lines: Sequence[bytes], size: int = 7) -> AsyncIterator[Sequence[bytes]]:
    """Those lines, a few at a time, as staging gives them."""
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


async def push_run(
    platform: Platform, handle: str, run: str, lines: Sequence[bytes], mark: OwnerTag = MARK
) -> list[int]:
    """Push those lines as that run: the counts that were told on the way."""
    told: list[int] = []
    assert await platform.push(handle, mark, run, staged_pages(lines), told.append) == len(lines)
    return told


async def serve_run(
    platform: Platform, run: str, lines: Sequence[bytes], name: str = NAME, mark: OwnerTag = MARK
) -> str:
    """The handle of a datasource that serves those lines."""
    handle = await platform.ensure(datasource_spec(name, mark))
    await platform.authorise(handle, mark, "token-of-the-connector")
    await push_run(platform, handle, run, lines, mark)
    await sync_run(platform, handle, run, mark)
    return handle


async def sync_run(platform: Platform, handle: str, run: str, mark: OwnerTag = MARK) -> SyncJob:
    """The sync of that run, started and ended; the sandbox takes no time for it in these tests."""
    await platform.start_sync(handle, mark, run)
    job = await platform.fetch_sync_job(handle, run)
    assert job is not None
    return job


@contextmanager
def use_small_pages() -> Iterator[None]:
    """Have so few documents make a page of an upload that each upload has several."""
    usual = wire.PAGE_COUNT
    wire.PAGE_COUNT = PAGE  # type: ignore[misc]
    try:
        yield
    finally:
        wire.PAGE_COUNT = usual  # type: ignore[misc]
