from __future__ import annotations

import pytest

from server.web.own_site import OwnSite

SITE = OwnSite(
    hosts=["localhost:*", "[::1]:*", "MCP.example.com", "mcp.internal:8443", "default.internal:443"],
    origins=["http://localhost:*", "https://mcp.example.com", "https://app.example.com:8443"],
)


def host(value: bytes) -> bool:
    return SITE.find_foreign_host([(b"host", value)]) is None


def origin(value: bytes) -> bool:
    return SITE.find_foreign_origin([(b"origin", value)]) is None


@pytest.mark.parametrize(
    "value",
    [
        b"localhost",
        b"LOCALHOST:8797",
        b"localhost.:1",
        b"[::1]",
        b"[::1]:9",
        b"mcp.example.com",
        b"Mcp.Example.Com.",
        b"mcp.example.com:443",
        b"mcp.example.com:80",
        b"mcp.example.com:0443",
        b"mcp.internal:8443",
        b"default.internal",
    ],
)
def test_case_a_final_dot_and_the_default_port_make_no_difference(value: bytes) -> None:
    assert host(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"evil.example",
        b"localhost.evil.example",
        b"localhost..",
        b".localhost",
        b"localhost:",
        b"localhost:8000@evil.example",
        b"localhost:*",
        b"localhost:123456",
        b"localhost\n",
        b"localhost, evil.example",
        b"mcp.example.com:8443",
        b"mcp.internal",
        b"mcp.internal:443",
        b"default.internal:8443",
        b"[::1].evil.example",
        b"\xe9.example",
    ],
)
def test_any_other_host_is_foreign(value: bytes) -> None:
    assert not host(value)


def test_each_of_several_hosts_must_be_one_of_the_servers_and_one_there_must_be() -> None:
    assert SITE.find_foreign_host([(b"host", b"localhost"), (b"host", b"evil.example")]) is not None
    assert SITE.find_foreign_host([]) is not None


@pytest.mark.parametrize(
    "value",
    [
        b"http://localhost:8000",
        b"http://LOCALHOST",
        b"https://mcp.example.com:443",
        b"HTTPS://app.example.com.:8443",
    ],
)
def test_an_origin_is_compared_like_a_host_with_the_port_of_its_scheme(value: bytes) -> None:
    assert origin(value)


@pytest.mark.parametrize(
    "value",
    [
        b"https://localhost",
        b"https://mcp.example.com:80",
        b"http://mcp.example.com",
        b"https://app.example.com",
        b"null",
        b"file://",
        b"https://mcp.example.com@evil.example",
        b"https://mcp.example.com/",
    ],
)
def test_any_other_origin_is_foreign(value: bytes) -> None:
    assert not origin(value)


def test_a_request_of_no_page_has_no_origin() -> None:
    assert SITE.find_foreign_origin([(b"host", b"localhost")]) is None


def test_the_host_that_came_is_shown_short_and_printable() -> None:
    refusal = SITE.find_foreign_host([(b"host", b"a\x1b[31m" + b"x" * 500)])
    assert refusal is not None
    assert "\x1b" not in refusal.message
    assert len(refusal.message) < 200
    long = SITE.find_foreign_host([(b"host", b"x" * 5000)])
    assert long is not None
    assert len(f"{long.message}{long.suggested_action}") < 500


@pytest.mark.parametrize("hosts", [["https://a"], ["a b"], [""]])
def test_a_host_that_is_none_cannot_be_allowed(hosts: list[str]) -> None:
    with pytest.raises(ValueError, match="is no host"):
        OwnSite(hosts, [])
