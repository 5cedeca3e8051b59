"""Settings of webhooks: their addresses and secrets, and how often a delivery is tried."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from domain.errors import InvalidArgumentError
from domain.model import EventKind, require_identifier
from server.settings.addresses import validate_web_url
from server.settings.fields import Number, Section, WholeNumber

_PREFIX: Final = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_SECRETS: Final = 2


def _validate_webhook_name(value: str) -> str:
    try:
        return require_identifier(value, "name")
    except InvalidArgumentError:
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' and '-'") from None


def _validate_webhook_url(value: str) -> str:
    """Check an address without ever repeating it: a part of it may be a secret."""
    # Imported here: an installation without webhooks needs no HTTP client for them.
    from httpx import URL, InvalidURL  # noqa: PLC0415

    like = "https://hooks.example.com/datasets"
    try:
        # httpx refuses a host that cannot be encoded only when it is read.
        _ = URL(value).host
    except (ValueError, InvalidURL):
        raise ValueError(f"must be an address such as {like}") from None
    return validate_web_url(value, like)


def _validate_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        key = b64decode(text.removeprefix(_PREFIX), validate=True)
    except (NotBase64, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"must be {_PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes")
    return value


def _validate_client_id(value: str) -> str:
    try:
        return require_identifier(value, "client_id")
    except InvalidArgumentError:
        raise ValueError("is not a client id") from None


class WebhookSettings(Section):
    """One address to which events are sent."""

    name: Annotated[str, AfterValidator(_validate_webhook_name)] = Field(
        description="The name of the webhook in commands and logs. Another name is another webhook."
    )
    url: Annotated[str, AfterValidator(_validate_webhook_url)] = Field(
        description="Where events are sent: https, or http on this machine. Never logged or shown."
    )
    secrets: tuple[Annotated[SecretStr, AfterValidator(_validate_secret)], ...] = Field(
        min_length=1,
        max_length=_SECRETS,
        description=f"One key, or two while one replaces the other: `{_PREFIX}` and base64. Write `${{NAME}}`.",
    )
    kinds: tuple[EventKind, ...] | None = Field(
        default=None, min_length=1, description="Which events are sent to it. Without it, all."
    )
    clients: tuple[Annotated[str, AfterValidator(_validate_client_id)], ...] | None = Field(
        default=None, min_length=1, description="Of which clients events are sent. Without it, of all."
    )


class EventsSettings(Section):
    """Where events are sent, and how often a delivery is tried."""

    webhooks: tuple[WebhookSettings, ...] = Field(
        default=(), description="The addresses to which events are sent."
    )
    attempts: WholeNumber = Field(
        default=20, ge=1, le=100, description="How often an event is tried before it is parked."
    )
    first_retry_s: Number = Field(
        default=5.0,
        ge=0.01,
        le=3600,
        description="Seconds before the second try. Each later pause is twice as long.",
    )
    longest_retry_s: Number = Field(
        default=3600.0, ge=0.01, le=86_400, description="The longest pause between tries, in seconds."
    )
    timeout_s: Number = Field(
        default=10.0, ge=0.1, le=60, description="Seconds that one try may take, including the response."
    )

    @field_validator("webhooks")
    @classmethod
    def _require_unique_names(cls, webhooks: tuple[WebhookSettings, ...]) -> tuple[WebhookSettings, ...]:
        twice = [name for name, count in Counter(each.name for each in webhooks).items() if count > 1]
        if twice:
            raise ValueError(f"has two webhooks with the name {twice[0]}")
        return webhooks

    @model_validator(mode="after")
    def _require_ordered_retries(self) -> Self:
        if self.longest_retry_s < self.first_retry_s:
            raise PydanticCustomError(
                "key", "must not be shorter than first_retry_s", {"key": "longest_retry_s"}
            )
        return self
