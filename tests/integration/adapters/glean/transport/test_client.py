"""The transport: what it refuses to talk to, how it waits, and what it never shows."""

from __future__ import annotations

import gc
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from pydantic import SecretStr

from domain.errors import PlatformDeniedError, PlatformThrottledError, PlatformUnavailableError, SettingsError
from server.adapters.clock import SystemClock
from server.adapters.glean.admin.platform import AdminPlatform
from server.adapters.glean.transport.client import GleanHttpClient
from server.adapters.glean.transport.errors import parse_retry_after
from server.adapters.glean.transport.rate_limiter import RateLimiter
from tests.support.glean.datasources import admin_platform, serve_run, staged_line
from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from tests.support.sandbox.embedded import EmbeddedSandbox

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "s3cret-of-the-installation"


def client(base_url: str, key: str = SECRET) -> AdminPlatform:
    return AdminPlatform(base_url, SecretStr(key), clock=SystemClock())


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "glean.example.com",
        "http://glean.example.com",
        "ftp://glean.example.com",
        "https://",
        "https://me:pass-word@glean.example.com",
        "https://glean.example.com/?key=pass-word",
        "https://glean.example.com/#pass-word",
        "https://glean.example.com:port",
        "https://[glean",
        "https://glean.example.com/a b",
        "https://glean.example.com\\@evil.example",
    ],
)
def test_an_address_that_would_not_be_safe_is_refused(base_url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        client(base_url)

    assert caught.value.field == "glean.base_url"
    assert "pass-word" not in caught.value.message


@pytest.mark.parametrize(
    "base_url", ["https://api.glean.example/", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost"]
)
async def test_https_and_this_machine_will_do(base_url: str) -> None:
    async with client(base_url) as glean:
        assert SECRET not in repr(vars(glean))


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "é", "x" * 9000])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        client("https://glean.example.com", key)

    assert caught.value.as_dict() == {
        "code": "invalid_configuration",
        "message": "glean.api_key is empty, or contains invalid characters.",
        "recovery": "fix_input",
        "field": "glean.api_key",
        "suggested_action": SettingsError.action,
    }


async def test_a_key_that_is_asked_for_at_each_request_may_change(glean: EmbeddedSandbox) -> None:
    keys = iter(["wrong", glean.token, "line\nbreak"])
    async with admin_platform(glean, token=lambda: next(keys)) as platform:
        with pytest.raises(PlatformDeniedError, match="401"):
            await platform.find_datasources()
        assert await platform.find_datasources() == []
        with pytest.raises(PlatformDeniedError, match="contains invalid characters"):
            await platform.find_datasources()


async def test_the_key_and_the_connectors_token_are_in_no_log_and_no_error(
    glean: EmbeddedSandbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with admin_platform(glean) as platform:
        await serve_run(platform, "run-1", [staged_line(1)])
        glean.sandbox.faults.add(Fault(kind="status", status=500, times=None, message=glean.token))
        with pytest.raises(PlatformUnavailableError) as caught:
            await platform.find_datasources()

    told = "".join([caplog.text, *capfd.readouterr(), repr(caught.value), repr(caught.value.__cause__)])
    assert "stamina" in told
    assert glean.token not in told
    assert "token-of-the-connector" not in told


async def test_nobody_at_home_is_unavailable() -> None:
    nowhere = AdminPlatform("http://127.0.0.1:1", SecretStr(SECRET), clock=SystemClock(), waits=0.001)
    async with nowhere as platform:
        with pytest.raises(
            PlatformUnavailableError,
            match=r"tried 4 times: it could not be reached, because nothing listens there\.$",
        ):
            await platform.find_datasources()


async def test_a_redirect_is_not_followed(platform: AdminPlatform, glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=307, body="empty"))

    with pytest.raises(PlatformUnavailableError, match="tried once: it answered 307"):
        await platform.find_datasources()

    assert sum(glean.sandbox.request_counts().values()) == 1


async def test_a_whole_answer_may_take_four_timeouts_however_steadily_it_drips(
    glean: EmbeddedSandbox,
) -> None:
    glean.sandbox.faults.add(Fault(kind="slow", seconds=5, times=None))
    async with admin_platform(glean, timeout_s=0.02) as platform:
        with pytest.raises(PlatformUnavailableError, match="did not answer in time"):
            await platform.find_datasources()


async def test_a_retry_after_that_is_too_long_is_told_and_not_waited_for(
    platform: AdminPlatform, glean: EmbeddedSandbox
) -> None:
    glean.sandbox.faults.add(Fault(kind="status", status=429, retry_after=3600))

    with pytest.raises(PlatformThrottledError) as caught:
        await platform.find_datasources()

    assert caught.value.retry_after_s == 3600
    assert sum(glean.sandbox.request_counts().values()) == 1


async def test_an_answer_without_end_is_cut(platform: AdminPlatform, glean: EmbeddedSandbox) -> None:
    glean.sandbox.faults.add(Fault(kind="unbounded"))
    assert await platform.find_datasources() == []

    glean.sandbox.faults.add(Fault(kind="unbounded", times=None))
    with pytest.raises(
        PlatformUnavailableError, match=r"tried 4 times: it answered more than 8388608 bytes\.$"
    ):
        await platform.find_datasources()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.25 "}, 0.25),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT", "date": "Sun, 01 Mar 2026 12:00:20 GMT"}, 10.0),
        ({"retry-after": "Sun, 99 Mar 2026 12:00:30 GMT"}, None),
    ],
)
def test_a_retry_after_is_read_as_seconds_or_as_a_date(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert parse_retry_after(headers, NOW) == seconds


async def test_what_was_sent_does_not_stay_until_the_garbage_collector_comes(glean: EmbeddedSandbox) -> None:
    body = msgspec.json.encode({"query": "ledger"})
    async with GleanHttpClient(
        glean.base_url, SecretStr(glean.token), clock=SystemClock(), limiter=RateLimiter(), sent=()
    ) as http:
        gc.collect()
        gc.disable()
        try:
            held = sys.getrefcount(body)
            await http.call("search", "POST", "/api/v1/search", dict, body=body)
            assert sys.getrefcount(body) == held
        finally:
            gc.enable()


@pytest.mark.parametrize("depth", [3_000, 500_000])
async def test_an_answer_that_is_nested_too_deeply_is_none(
    platform: AdminPlatform, glean: EmbeddedSandbox, depth: int
) -> None:
    config = b'{"x": ' + b"[" * depth + b"]" * depth + b"}"
    answer = b'{"datasources": [{"id": "d1", "name": "n", "config": ' + config + b"}]}"
    glean.sandbox.faults.add(Fault(kind="status", status=200, content=answer, times=None))

    with pytest.raises(PlatformUnavailableError, match="sent an unexpected response"):
        await platform.find_datasources()
