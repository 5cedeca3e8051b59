"""Keys that the issuer publishes, takes back, or cannot be asked for."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import anyio
import pytest

from server.web.auth import jwks
from server.web.auth.jwks import (
    MAX_AGE_S,
    PAUSE_S,
    KeysUnavailableError,
    PublishedKeys,
    UnknownKeyError,
    build_keys,
    parse_jwks,
)
from tests.integration.identity.conftest import identity_settings, open_guarded_server
from tests.support.servers.token_issuer import TokenIssuer, publish_keys

if TYPE_CHECKING:
    from pathlib import Path


class Ticking:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    clock = Ticking()
    monkeypatch.setattr(PublishedKeys.__init__, "__kwdefaults__", {"clock": clock})
    return clock


async def test_a_new_key_is_believed_at_once_and_an_old_one_is_not_believed_for_long(
    tmp_path: Path, ticking: Ticking
) -> None:
    issuer = TokenIssuer()
    issuer.add_key("spring")
    async with (
        publish_keys(issuer) as url,
        open_guarded_server(tmp_path, identity_settings(jwks_url=url)) as server,
    ):
        old = issuer.token("spring")
        assert (await server.post(old)).status_code == 200

        issuer.add_key("summer")
        ticking.now += PAUSE_S
        assert (await server.post(issuer.token("summer"))).status_code == 200
        assert (await server.post(old)).status_code == 200

        del issuer.keys["spring"]
        ticking.now += MAX_AGE_S
        assert (await server.post(old)).status_code == 401
        assert (await server.post(issuer.token("summer"))).status_code == 200
        answer = await server.call_ok(issuer.token("summer"), "list_orphans")
        assert answer["items"] == []


async def test_while_the_keys_cannot_be_had_nobody_is_let_in_and_health_is_told(
    tmp_path: Path, ticking: Ticking
) -> None:
    issuer = TokenIssuer()
    issuer.add_key("spring")
    async with (
        publish_keys(issuer) as url,
        open_guarded_server(tmp_path, identity_settings(jwks_url=url)) as server,
    ):
        issuer.status = 500
        answer = await server.post(issuer.token("spring"))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["error"] == "temporarily_unavailable"
        assert (await server.post()).status_code == 401
        assert (await server.get("/healthz")).status_code == 200

        issuer.status = 200
        assert (await server.post(issuer.token("spring"))).status_code == 503, "asked once in a while"
        ticking.now += PAUSE_S
        assert (await server.post(issuer.token("spring"))).status_code == 200

        issuer.status = 500
        ticking.now += MAX_AGE_S
        assert (await server.post(issuer.token("spring"))).status_code == 503, "an old answer is none"


async def test_many_tokens_with_unknown_keys_ask_the_issuer_once(ticking: Ticking) -> None:
    issuer = TokenIssuer()
    issuer.add_key("spring")
    async with publish_keys(issuer) as url:
        keys = build_keys(identity_settings(jwks_url=url))

        async def assert_unknown_key(kid: str) -> None:
            with pytest.raises(UnknownKeyError):
                await keys.get_key(kid)

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(assert_unknown_key, f"made up {number}")
        assert issuer.asked == 1
        ticking.now += PAUSE_S
        await assert_unknown_key("made up again")
        assert issuer.asked == 2
        assert await keys.count() == 1


async def test_a_file_of_keys_rotates_too_and_its_absence_lets_nobody_in(
    tmp_path: Path, ticking: Ticking
) -> None:
    file = tmp_path / "jwks.json"
    keys = build_keys(identity_settings(jwks_file=str(file)))
    with pytest.raises(KeysUnavailableError, match="No such file"):
        await keys.get_key("spring")
    issuer = TokenIssuer()
    issuer.add_key("spring")
    file.write_bytes(issuer.jwks())
    ticking.now += PAUSE_S
    assert await keys.get_key("spring")
    assert await keys.get_key(None) is await keys.get_key("spring"), "the only key there is"


@pytest.mark.parametrize("page", [b"", b"<html>", b"[]", b'{"keys": 5}', b'{"keys": [5]}', b"[" * 100_000])
async def test_a_page_that_is_no_jwks_lets_nobody_in(page: bytes) -> None:
    with pytest.raises(KeysUnavailableError, match="not a JWKS document"):
        parse_jwks(page)


async def test_an_endless_page_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "_MOST_BYTES", 10)
    async with publish_keys(TokenIssuer()) as url:
        with pytest.raises(KeysUnavailableError, match="more than a megabyte"):
            await build_keys(identity_settings(jwks_url=url)).count()


async def test_an_issuer_that_is_not_there_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    async with publish_keys(TokenIssuer()) as url:
        pass
    with pytest.raises(KeysUnavailableError), caplog.at_level(logging.WARNING):
        await build_keys(identity_settings(jwks_url=url)).count()
    assert "does not answer as it should (ConnectError)" in caplog.text


def test_shared_secrets_private_keys_and_unknown_kinds_in_the_document_are_passed_over() -> None:
    issuer = TokenIssuer()
    issuer.add_key("good")
    (good,) = json.loads(issuer.jwks())["keys"]
    others = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        good | {"kid": "private", "d": "AAAA"},
        good | {"kid": "for encryption", "use": "enc"},
        good | {"kid": "none", "alg": "none"},
        good | {"kid": "cut", "x": "AA"},
        {"kty": "quantum", "kid": "new"},
        {"kid": "nothing"},
    ]
    assert list(parse_jwks(json.dumps({"keys": [good, *others]}).encode())) == ["good"]


async def test_keys_in_the_configuration_are_counted(issuer: TokenIssuer) -> None:
    assert await build_keys(identity_settings(issuer)).count() == 3
