"""Which bearers are let in, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.identity.conftest import build_test_gate, identity_settings, open_guarded_server
from tests.support.servers.token_issuer import AUDIENCE, ISSUER, TokenIssuer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.integration.identity.conftest import GuardedServer

METADATA = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned_token(issuer: TokenIssuer) -> str:
    return f"{part({'alg': 'none', 'kid': 'one'})}.{part(issuer.claims())}."


def signed_with_the_public_key(issuer: TokenIssuer) -> str:
    head = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'one'})}.{part(issuer.claims())}"
    mac = hmac.new(issuer.pem("one").encode(), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def signed_by_another(issuer: TokenIssuer) -> str:
    stranger = TokenIssuer()
    stranger.add_key("one", "RS256")
    return stranger.token()


def changed_token(issuer: TokenIssuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{part(issuer.claims(clients=['globex']))}.{signature}"


def of_another_kind(issuer: TokenIssuer) -> str:
    return jwt.encode(issuer.claims(), issuer.keys["two"][1], "ES256", headers={"kid": "one"})


def without_kid(issuer: TokenIssuer) -> str:
    return jwt.encode(issuer.claims(), issuer.keys["one"][1], "RS256")


def signed_otherwise(issuer: TokenIssuer) -> str:
    return jwt.encode(issuer.claims(), issuer.keys["one"][1], "PS256", headers={"kid": "one"})


def unknown_kid(issuer: TokenIssuer) -> str:
    return jwt.encode(issuer.claims(), issuer.keys["one"][1], "RS256", headers={"kid": "nine"})


def nested_act(depth: int) -> dict[str, Any]:
    """An `act` in an `act`, so many times."""
    act: dict[str, Any] = {"sub": "bot"}
    for _ in range(depth - 1):
        act = {"sub": "bot", "act": act}
    return act


def with_claims(**changes: Any) -> Callable[[TokenIssuer], str]:
    return lambda issuer: issuer.token(**changes)


def token_without(claim: str) -> Callable[[TokenIssuer], str]:
    return lambda issuer: issuer.token(without=claim)


def in_seconds(seconds: int) -> int:
    return int(time.time()) + seconds


BAD: dict[str, Callable[[TokenIssuer], str]] = {
    "alg none": unsigned_token,
    "HS256 with the public key": signed_with_the_public_key,
    "another's signature": signed_by_another,
    "changed after signing": changed_token,
    "a key of another kind": of_another_kind,
    "an algorithm that is not allowed": signed_otherwise,
    "no kid among several keys": without_kid,
    "unknown kid": unknown_kid,
    "expired": lambda issuer: issuer.token(exp=in_seconds(-31)),
    "not yet valid": lambda issuer: issuer.token(nbf=in_seconds(60)),
    "another audience": with_claims(aud="https://other.example.com/mcp"),
    "an audience that begins alike": with_claims(aud=f"{AUDIENCE}/admin"),
    "an audience of numbers": with_claims(aud=[1]),
    "another issuer": with_claims(iss="https://evil.example.com"),
    "the issuer with a slash": with_claims(iss=f"{ISSUER}/"),
    "no expiry": token_without("exp"),
    "no audience": token_without("aud"),
    "no issuer": token_without("iss"),
    "no subject": token_without("sub"),
    "an empty subject": with_claims(sub=" "),
    "the subject of a local account": with_claims(sub="person:root"),
    "the subject of a schedule": with_claims(sub="schedule:sweep"),
    "a subject of two lines": with_claims(sub="kim\nlee"),
    "an endless life": with_claims(exp=float("inf")),
    "an expiry in words": with_claims(exp="tomorrow"),
    "clients in words": with_claims(clients="acme"),
    "a client that is none": with_claims(clients=["acme", "../globex"]),
    "clients that are null": with_claims(clients=None),
    "scopes as a list": with_claims(scope=["datasets:read"]),
    "scopes that are numbers": lambda issuer: issuer.token(without="scope", scp=[1]),
    "act without a subject": with_claims(act={}),
    "act that is a name": with_claims(act="agent"),
    "act that is null": with_claims(act=None),
    "act that nests a name": with_claims(act={"sub": "bot", "act": "planner"}),
    "act that nests nobody": with_claims(act={"sub": "bot", "act": {"sub": " "}}),
    "act of a local account": with_claims(act={"sub": "person:kim"}),
    "act that nests a local account": with_claims(act={"sub": "bot", "act": {"sub": "agent:kim"}}),
    "act without an end": with_claims(act=nested_act(17)),
    "a journey that is none": with_claims(journey_id=["j1"]),
    "a journey that is null": with_claims(journey_id=None),
    "two dots": lambda _: "..",
    "words": lambda _: "let me in",
    "two parts": lambda issuer: issuer.token().rpartition(".")[0],
    "no claims": lambda _: f"{part({'alg': 'RS256', 'kid': 'one'})}.{part([])}.AAAA",
    "a header that is no object": lambda _: f"{part([])}.{part({})}.AAAA",
    "a kid that is a number": lambda _: f"{part({'alg': 'RS256', 'kid': 1})}.{part({})}.AAAA",
    "a header without bottom": lambda _: (
        base64.urlsafe_b64encode(b"[" * 20_000).rstrip(b"=").decode() + ".e30.AAAA"
    ),
}


@pytest.fixture(scope="module")
async def guarded_server(
    tmp_path_factory: pytest.TempPathFactory, issuer_keys: TokenIssuer
) -> AsyncIterator[GuardedServer]:
    """One for all of them: a greeting changes nothing."""
    folder = tmp_path_factory.mktemp("guarded_server")
    async with open_guarded_server(folder, identity_settings(issuer_keys)) as found:
        yield found


async def test_every_token_that_is_not_good_gets_401_and_where_to_ask(
    guarded_server: GuardedServer, issuer: TokenIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    let_in = []
    with caplog.at_level(logging.INFO):
        for name, made in BAD.items():
            token = made(issuer)
            answer = await guarded_server.post(token)
            if (
                answer.status_code != 401
                or f'resource_metadata="{METADATA}"' not in answer.headers["www-authenticate"]
            ):
                let_in.append((name, answer.status_code))
            assert len(token) < 20 or token not in caplog.text
    assert let_in == []


async def test_nobody_comes_in_without_a_token(guarded_server: GuardedServer) -> None:
    answer = await guarded_server.post()
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        'Bearer error="invalid_token", error_description="Authentication required", '
        f'resource_metadata="{METADATA}"'
    )
    assert (await guarded_server.post(authorization="Basic a2ltOmtpbQ==")).status_code == 401


@pytest.mark.parametrize("kid", ["one", "two", "three"])
async def test_a_good_token_of_each_kind_of_key_is_let_in(
    guarded_server: GuardedServer, issuer: TokenIssuer, kid: str
) -> None:
    assert (await guarded_server.post(issuer.token(kid))).status_code == 200
    assert (
        await guarded_server.post(issuer.token(kid, aud=["https://other.example.com", AUDIENCE]))
    ).status_code == 200


async def test_clocks_may_differ_by_thirty_seconds(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    assert (await guarded_server.post(issuer.token(exp=in_seconds(-20)))).status_code == 200
    assert (await guarded_server.post(issuer.token(nbf=in_seconds(20)))).status_code == 200


async def test_a_token_without_the_base_scope_gets_403(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    for token in (issuer.token(without="scope"), issuer.token(scope="datasets:readx admin")):
        answer = await guarded_server.post(token)
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


async def test_a_key_that_is_too_short_is_not_believed(
    guarded_server: GuardedServer, issuer: TokenIssuer
) -> None:
    issuer.keys = {"one": ("RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024))}  # noqa: S505 - refused
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        token = issuer.token()
    assert await build_test_gate(identity_settings(issuer)).verifier.verify_token(token) is None


async def test_the_metadata_and_the_health_paths_are_open(guarded_server: GuardedServer) -> None:
    metadata = await guarded_server.get("/.well-known/oauth-protected-resource/mcp")
    assert metadata.json() == {
        "resource": AUDIENCE,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["datasets:read", "datasets:provision", "datasets:teardown"],
        "bearer_methods_supported": ["header"],
    }
    assert [(await guarded_server.get(path)).status_code for path in ("/healthz", "/readyz")] == [200, 200]


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("host", "evil.example.com", 421),
        ("host", "mcp.example.com", 200),
        ("host", "mcp.internal", 200),
        ("origin", "https://evil.example.com", 403),
        ("origin", "https://mcp.example.com", 200),
    ],
)
async def test_a_good_token_does_not_help_a_wrong_host_or_origin(
    guarded_server: GuardedServer, issuer: TokenIssuer, header: str, value: str, status: int
) -> None:
    assert (await guarded_server.post(issuer.token(), **{header: value})).status_code == status
