"""An issuer of tokens, with keys that rotate, and the page on which it publishes them."""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from server.web.http import open_listening_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

ISSUER = "https://login.example.com"
AUDIENCE = "https://mcp.example.com/mcp"
MAKE = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
ALGORITHM: dict[str, Any] = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


@dataclass
class TokenIssuer:
    """Signs whatever it is told to, and publishes its public keys."""

    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    asked: int = 0
    status: int = 200
    page: bytes | None = None

    def add_key(self, kid: str, algorithm: str = "ES256") -> None:
        """Have one more key."""
        self.keys[kid] = (algorithm, MAKE[algorithm]())

    def jwks(self) -> bytes:
        """The public keys, as RFC 7517 writes them."""
        published = [
            json.loads(ALGORITHM[algorithm].to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}
            for kid, (algorithm, key) in self.keys.items()
        ]
        return json.dumps({"keys": published}).encode()

    def pem(self, kid: str) -> str:
        """One public key in PEM."""
        public = self.keys[kid][1].public_key()
        text: str = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return text

    def token(self, kid: str = "one", /, *, without: str = "", **changes: Any) -> str:
        """A token that is good unless changed, signed by that key."""
        algorithm, key = self.keys[kid]
        claims = self.claims(**changes)
        claims.pop(without, None)
        return jwt.encode(claims, key, algorithm, headers={"kid": kid})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good token of Kim's says."""
        now = int(time.time())
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "kim",
            "iat": now,
            "exp": now + 600,
            "scope": "datasets:read datasets:provision datasets:teardown",
            "clients": ["acme"],
        } | changes


@asynccontextmanager
async def publish_keys(issuer: TokenIssuer) -> AsyncIterator[str]:
    """The address of the issuer's page, while it is up."""

    async def page(_: Request) -> Response:
        issuer.asked += 1
        return Response(issuer.jwks() if issuer.page is None else issuer.page, issuer.status)

    config = uvicorn.Config(
        Starlette(routes=[Route("/jwks", page)]), log_config=None, access_log=False, ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)
    door = open_listening_socket("127.0.0.1", 0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server._serve, [door])  # noqa: SLF001 - as `serve`, but leaves the signals to pytest
        yield f"http://127.0.0.1:{door.getsockname()[1]}/jwks"
        server.should_exit = True
