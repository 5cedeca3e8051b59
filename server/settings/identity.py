"""Settings of identity: which tokens are accepted, and what the operator's own account may do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from domain.errors import InvalidArgumentError
from domain.model import require_identifier
from domain.policy import ALL_SCOPES
from server.settings.addresses import validate_web_url
from server.settings.fields import UNSET, LocalPath, Section, WholeNumber

if TYPE_CHECKING:
    from domain.model import Principal

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a private key, so that only the issuer can sign. With a shared secret every verifier could."""
_SHORTEST_KEY: Final = 32
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:(\d{1,5}|\*))?|\[[0-9A-Fa-f:.]+\](:(\d{1,5}|\*))?")


def _validate_identity_url(value: str) -> str:
    return validate_web_url(value, "https://login.example.com")


def _validate_scope(value: str) -> str:
    if value not in ALL_SCOPES:
        raise ValueError(f"must be one of {', '.join(ALL_SCOPES)}")
    return value


def _validate_client_id(value: str) -> str:
    try:
        return require_identifier(value, "client_id")
    except InvalidArgumentError:
        raise ValueError("is not a client id") from None


def _validate_host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("must be a host, such as mcp.example.com or mcp.example.com:8443")
    return value


def _validate_origin(value: str) -> str:
    scheme, separator, host = value.partition("://")
    if scheme not in {"http", "https"} or not separator or not _HOST.fullmatch(host):
        raise ValueError("must be an origin, such as https://mcp.example.com")
    return value


WebUrl = Annotated[str, AfterValidator(_validate_identity_url)]


class LocalSettings(Section):
    """What the account that runs a server or a command may do without a token."""

    scopes: tuple[Annotated[str, AfterValidator(_validate_scope)], ...] | None = Field(
        default=None,
        description="What the operator's own account may do, without a token. Without it, everything.",
    )
    clients: tuple[Annotated[str, AfterValidator(_validate_client_id)], ...] | None = Field(
        default=None, description="The clients that this account may access. Without it, all."
    )

    def restrict_principal(self, principal: Principal) -> Principal:
        """The principal, restricted to these scopes and clients."""
        return replace(
            principal,
            scopes=None if self.scopes is None else frozenset(self.scopes),
            clients=None if self.clients is None else frozenset(self.clients),
        )


class IdentitySettings(Section):
    """Who may call over HTTP. Without an issuer no token is required, and HTTP stays on the loopback interface."""

    issuer: WebUrl | None = Field(default=None, description="The issuer of the tokens: exactly their `iss`.")
    audience: WebUrl | None = Field(
        default=None, description="This server's own address, with `/mcp`: the `aud` of its tokens."
    )
    jwks_url: WebUrl | None = Field(
        default=None,
        description="Where the issuer publishes its keys. Set exactly one of this, `jwks_file` and `keys`.",
    )
    jwks_file: LocalPath | None = Field(default=None, description="A file with the issuer's keys, as JWKS.")
    keys: dict[str, str] = Field(
        default={}, description="The issuer's public keys in PEM, each under its `kid`."
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256", "ES256", "EdDSA"), min_length=1, description="Which signatures are accepted."
    )
    leeway_s: WholeNumber = Field(
        default=30, ge=0, le=300, description="Seconds by which clocks may differ, for `exp` and `nbf`."
    )
    local: LocalSettings = UNSET

    @property
    def configured(self) -> bool:
        """Whether callers over HTTP need a token."""
        return self.issuer is not None

    @field_validator("keys")
    @classmethod
    def _require_public_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        for pem in keys.values():
            if "PRIVATE" in pem:
                raise ValueError("contains a private key, which only the issuer may have")
            if "-----BEGIN PUBLIC KEY-----" not in pem:
                raise ValueError("must be public keys in PEM, beginning with -----BEGIN PUBLIC KEY-----")
        return keys

    @model_validator(mode="after")
    def _require_complete_identity(self) -> Self:
        sources = [each for each in (self.jwks_url, self.jwks_file, self.keys or None) if each is not None]
        if self.issuer is None and self.audience is None and not sources:
            return self
        for key in ("issuer", "audience"):
            if getattr(self, key) is None:
                raise PydanticCustomError(
                    "key", "is missing: tokens need an issuer, an audience and keys", {"key": key}
                )
        if len(sources) != 1:
            raise PydanticCustomError(
                "key", "is needed, or jwks_file, or keys: exactly one of the three", {"key": "jwks_url"}
            )
        return self


class HttpSettings(Section):
    """How the server is reached over HTTP. Hosts other than the loopback interface need `identity`."""

    allowed_hosts: tuple[Annotated[str, AfterValidator(_validate_host)], ...] = Field(
        default=(),
        description="Further hosts, beside that of `identity.audience` and the loopback interface; `:*` for any port.",
    )
    allowed_origins: tuple[Annotated[str, AfterValidator(_validate_origin)], ...] = Field(
        default=(), description="Origins of web pages that may call, beside the server's own."
    )
    state_keys: tuple[SecretStr, ...] = Field(
        default=(),
        description=(
            "Secrets of 32 characters or more that all replicas share, so that each can take the answer to another's "
            "question. The first seals, each opens. Write `${NAME}`. Without them, one key in the data folder is used."
        ),
    )

    @field_validator("state_keys")
    @classmethod
    def _require_strong_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        plain = [each.get_secret_value().strip() for each in keys]
        if any(len(each) < _SHORTEST_KEY for each in plain):
            raise ValueError(f"must each have {_SHORTEST_KEY} random characters or more")
        if len(set(plain)) < len(plain):
            raise ValueError("must differ from each other")
        return tuple(map(SecretStr, plain))
