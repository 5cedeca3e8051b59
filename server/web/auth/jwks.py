"""The issuer's public keys: fixed in the settings, or a JWKS document that is read again when keys rotate."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import anyio
import jwt
from anyio import to_thread
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from domain.errors import SettingsError
from server.settings.addresses import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from server.settings.identity import IdentitySettings

Key: TypeAlias = Any
"""A public key as PyJWT takes it."""
_log: Final = logging.getLogger(__name__)
_MOST_BYTES: Final = 1 << 20
_TIMEOUT_S: Final = 5.0
MAX_AGE_S: Final = 300.0
"""Seconds for which a document is used, so the longest that a key is accepted after the issuer revoked it."""
PAUSE_S: Final = 5.0
"""The shortest time between two reads of the document: tokens with made-up `kid`s must not flood the issuer."""


class UnknownKeyError(Exception):
    """The issuer has no key of that `kid`."""


class KeysUnavailableError(Exception):
    """The issuer's keys are unavailable, so no token can be checked."""


class Keys(Protocol):
    """The issuer's keys, by `kid`."""

    async def get_key(self, kid: str | None) -> Key:
        """Find a key; without a `kid`, the only one. Raises UnknownKeyError or KeysUnavailableError."""
        ...

    async def count(self) -> int:
        """Count the keys. Raises KeysUnavailableError."""
        ...


class FixedKeys:
    """Keys from the settings."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        """Accept these keys, by `kid`."""
        self._keys = keys

    async def get_key(self, kid: str | None) -> Key:
        return select_key(self._keys, kid)

    async def count(self) -> int:
        return len(self._keys)


class PublishedKeys:
    """Keys from a JWKS document (RFC 7517), cached for `MAX_AGE_S`. Without a readable document no key is accepted."""

    def __init__(
        self,
        read: Callable[[], Awaitable[bytes]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the document with `read`, which raises KeysUnavailableError; `clock` counts seconds."""
        self._read = read
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._read_at: float | None = None
        self._failed_at: float | None = None
        self._reading = anyio.Lock()

    async def get_key(self, kid: str | None) -> Key:
        await self._refresh(MAX_AGE_S)
        try:
            return select_key(self._keys, kid)
        except UnknownKeyError:
            await self._refresh(PAUSE_S)
            return select_key(self._keys, kid)

    async def count(self) -> int:
        await self._refresh(MAX_AGE_S)
        return len(self._keys)

    def _is_stale(self, age_s: float) -> bool:
        return self._read_at is None or self._clock() - self._read_at >= age_s

    async def _refresh(self, age_s: float) -> None:
        """Read the document again if it is older than that; callers that wait at the same time share one read."""
        if not self._is_stale(age_s):
            return
        async with self._reading:
            # Another caller may have read it while this one waited for the lock.
            if not self._is_stale(age_s):
                return
            if self._failed_at is not None and self._clock() - self._failed_at < PAUSE_S:
                raise KeysUnavailableError("the last attempt failed a moment ago")
            try:
                keys = parse_jwks(await self._read())
            except KeysUnavailableError as error:
                self._failed_at = self._clock()
                _log.warning("The issuer's keys cannot be read: %s.", error)
                raise
            self._keys, self._read_at, self._failed_at = keys, self._clock(), None


def select_key(keys: Mapping[str, Key], kid: str | None) -> Key:
    """Select the key of a `kid`; without a `kid`, the only key. Raises UnknownKeyError."""
    if kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    if kid is None or kid not in keys:
        raise UnknownKeyError
    return keys[kid]


def parse_jwks(document: bytes) -> dict[str, Key]:
    """Parse the public signature keys of a JWKS document; other keys are skipped. Raises KeysUnavailableError."""
    try:
        listed = json.loads(document)["keys"]
        found = [each for each in listed if each.get("use", "sig") == "sig" and not _is_secret(each)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise KeysUnavailableError("the document is not a JWKS document") from error
    keys: dict[str, Key] = {}
    for number, each in enumerate(found):
        try:
            keys[str(each.get("kid", f"without kid, number {number}"))] = jwt.PyJWK(each)
        except (jwt.PyJWTError, NotImplementedError, ValueError, TypeError):
            _log.info("Skipped a key in the issuer's document: its kind is not supported.")
    return keys


def _is_secret(key: Mapping[str, Any]) -> bool:
    """Whether it is a shared secret or has a private part: anybody could sign with a secret that is published."""
    return key.get("kty") == "oct" or "d" in key


def build_keys(settings: IdentitySettings) -> Keys:
    """Build the configured keys. Raises SettingsError for a PEM without a public key."""
    if settings.jwks_url is not None:
        return PublishedKeys(_web_reader(settings.jwks_url))
    if settings.jwks_file is not None:
        return PublishedKeys(_file_reader(settings.jwks_file))
    keys = {}
    for kid, pem in settings.keys.items():
        try:
            keys[kid] = load_pem_public_key(pem.strip().encode())
        except (ValueError, UnsupportedAlgorithm):
            raise SettingsError(
                f"identity.keys.{kid} is not a public key in PEM format.", field=f"identity.keys.{kid}"
            ) from None
    return FixedKeys(keys)


async def count_keys(settings: IdentitySettings) -> int:
    """Count the issuer's present keys. Raises SettingsError when they are unavailable."""
    try:
        return await build_keys(settings).count()
    except KeysUnavailableError as error:
        raise SettingsError(
            f"The keys of {settings.issuer} are unavailable, so every token is refused: {error}.",
            field="identity",
            suggested_action="Check identity.jwks_url or identity.jwks_file, and the network between.",
        ) from error


def _file_reader(path: Path) -> Callable[[], Awaitable[bytes]]:
    async def read() -> bytes:
        try:
            return await to_thread.run_sync(path.read_bytes)
        except OSError as error:
            raise KeysUnavailableError(f"{path}: {error.strerror}") from error

    return read


def _web_reader(url: str) -> Callable[[], Awaitable[bytes]]:
    async def read() -> bytes:
        # The first answer must not wait for this import.
        import httpx  # noqa: PLC0415

        whole = bytearray()
        # A document is read in parts and only up to a bound: an endless one would fill the memory.
        try:
            with anyio.fail_after(_TIMEOUT_S):
                async with (
                    httpx.AsyncClient(trust_env=urlsplit(url).hostname not in LOOPBACK_HOSTS) as client,
                    client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
                ):
                    answer.raise_for_status()
                    async for chunk in answer.aiter_bytes():
                        whole += chunk
                        if len(whole) > _MOST_BYTES:
                            raise KeysUnavailableError(f"{url} answers with more than a megabyte")
        except (httpx.HTTPError, TimeoutError) as error:
            raise KeysUnavailableError(
                f"{url} does not answer as it should ({type(error).__name__})"
            ) from error
        return bytes(whole)

    return read
