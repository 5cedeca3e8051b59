"""Settings model: every key, with its meaning, default and bounds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import unquote

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from domain.model import SHORTEST_KEY, ConfirmationKind
from server.settings.addresses import normalize_glean_url, normalize_instance_url
from server.settings.connectors import ConnectorsSettings
from server.settings.events import EventsSettings
from server.settings.fields import (
    DATA_DIR,
    UNSET,
    Env,
    InnerPath,
    LocalPath,
    LocalPaths,
    Number,
    RetentionDays,
    Section,
    WholeNumber,
)
from server.settings.identity import HttpSettings, IdentitySettings
from server.settings.schedules import SchedulesSettings

if TYPE_CHECKING:
    from server.infra.postgres.dsn import PostgresAddress

DEFAULT_GLEAN_URL = "https://api.glean.com"
_SQLITE = "sqlite:///"


class MockDataRepoSettings(Section):
    """Where the templates come from."""

    path: Annotated[LocalPaths | None, Env("MOCK_DATA_REPO_PATH", os.pathsep)] = Field(
        default=None,
        description="The mock-data repository, which is a folder or a zip of one, or a list of them in order: of two "
        "templates with one id, the first serves. The variable separates several by `:`.",
    )
    bundled: bool = Field(
        default=True, description="Whether the bundled catalogue is the last of the repositories."
    )
    templates_subdir: InnerPath = Field(
        default="mock_data/templates", description="Where in the repository the templates are."
    )

    @property
    def paths(self) -> tuple[Path, ...]:
        """The repositories, in order; none when only the bundled catalogue serves."""
        if self.path is None:
            return ()
        return (self.path,) if isinstance(self.path, Path) else self.path

    @model_validator(mode="after")
    def _require_repository(self) -> Self:
        if not self.bundled and self.path is None:
            raise PydanticCustomError(
                "key",
                "is false, and mock_data_repo.path names no repository that would serve instead",
                {"key": "bundled"},
            )
        return self


class GleanSettings(Section):
    """Which Glean is used. With neither key nor address, the embedded sandbox."""

    api_key: Annotated[SecretStr | None, Env("GLEAN_API_KEY")] = Field(
        default=None, description="The API key. A secret: write `${NAME}`, or set the variable."
    )
    base_url: Annotated[str | None, Env("GLEAN_BASE_URL")] = Field(
        default=None,
        description=f"The address of Glean; with a key alone, `{DEFAULT_GLEAN_URL}`. Needs a key. In the dialect "
        "`indexing` the instance's own server, without a path: `https://acme-be.glean.com`.",
    )
    dialect: Annotated[Literal["admin", "indexing"], Env("GLEAN_DIALECT")] = Field(
        default="admin",
        description="Which API it speaks: the Admin API, or `indexing`, Glean's public Indexing API, which needs both "
        "key and address. With neither, the embedded sandbox speaks that dialect.",
    )
    client_token: Annotated[SecretStr | None, Env("GLEAN_CLIENT_TOKEN")] = Field(
        default=None,
        description="A token of Glean's Client API with the scope `SEARCH`. The dialect `indexing` needs it to ask the "
        "golden questions; without it they are not asked. A secret, too.",
    )
    act_as: Annotated[str | None, Env("GLEAN_ACT_AS")] = Field(
        default=None,
        description="The e-mail address of the person as whom a global client token searches. Not for the token of a "
        "person.",
    )
    requests_per_second: Number = Field(
        default=30.0, ge=0.1, le=1000, description="The most requests that begin in a second."
    )
    concurrency: WholeNumber = Field(
        default=8, ge=1, le=64, description="The most requests that are under way at once."
    )
    timeout_s: Number = Field(
        default=30.0,
        ge=1,
        le=600,
        description="Seconds to wait for a connection, and in each pause of a response.",
    )

    @property
    def embedded(self) -> bool:
        """Whether the embedded sandbox is used."""
        return self.api_key is None

    @field_validator("api_key", "client_token")
    @classmethod
    def _require_printable_token(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value() if key else "-"
        if not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("contains characters that are not allowed in a key")
        return key

    @field_validator("act_as")
    @classmethod
    def _require_email_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", value):
            raise ValueError("must be an e-mail address")
        return value

    @field_validator("base_url")
    @classmethod
    def _normalize_base_url(cls, value: str | None) -> str | None:
        return None if value is None else normalize_glean_url(value)

    @model_validator(mode="before")
    @classmethod
    def _set_default_base_url(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("api_key") and not values.get("base_url"):
            return (
                values if values.get("dialect") == "indexing" else {**values, "base_url": DEFAULT_GLEAN_URL}
            )
        return values

    @model_validator(mode="after")
    def _require_api_key(self) -> Self:
        if self.base_url is not None and self.api_key is None:
            raise PydanticCustomError(
                "key",
                "is missing, but glean.base_url is set: set both, or neither for the embedded sandbox",
                {"key": "api_key"},
            )
        return self

    @model_validator(mode="after")
    def _require_client_token(self) -> Self:
        if self.act_as is not None and self.client_token is None:
            raise PydanticCustomError(
                "key",
                "names the person as whom a client token searches: set glean.client_token too",
                {"key": "act_as"},
            )
        return self

    @model_validator(mode="after")
    def _require_instance_url(self) -> Self:
        if self.dialect != "indexing" or self.api_key is None:
            return self
        if self.base_url is None:
            raise PydanticCustomError(
                "key",
                "is missing, but glean.api_key is set: each instance has an address of its own for the dialect "
                "`indexing`, such as https://acme-be.glean.com. Set both, or neither for the embedded sandbox",
                {"key": "base_url"},
            )
        try:
            normalize_instance_url(self.base_url)
        except ValueError as wrong:
            raise PydanticCustomError("key", "{words}", {"key": "base_url", "words": str(wrong)}) from None
        return self


class SanitizationSettings(Section):
    """Sanitized production data, for pilots. Without an export there are none."""

    export_path: Annotated[LocalPath | None, Env("SANITIZATION_EXPORT_PATH")] = Field(
        default=None,
        description="The folder with an export of production records: a file for each of the four types, named like "
        "those of a template repository (`jira_issues.jsonl`).",
    )
    key: Annotated[SecretStr | None, Env("SANITIZATION_KEY")] = Field(
        default=None,
        description="The key that decides which pseudonym somebody has: 16 bytes or more, better 32 random ones. A "
        "secret: write `${NAME}`, or set the variable.",
    )
    patterns: dict[str, str] = Field(
        default={},
        description="Regular expressions (RE2) for what is your own, such as numbers of customers, by name.",
    )
    dictionaries: dict[str, tuple[str, ...]] = Field(
        default={}, description="Words that are always replaced, whatever their case, by name."
    )
    allowed: tuple[str, ...] = Field(default=(), description="Texts that are never replaced.")
    allowed_fields: tuple[str, ...] = Field(
        default=(),
        description="Fields beside those of the types that are kept, and sanitized; all others are kept out.",
    )

    @field_validator("key")
    @classmethod
    def _require_long_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value().encode()) < SHORTEST_KEY:
            raise ValueError(f"must have {SHORTEST_KEY} bytes or more")
        return key

    @model_validator(mode="after")
    def _require_key(self) -> Self:
        if self.export_path is not None and self.key is None:
            raise PydanticCustomError(
                "key",
                "is missing, but sanitization.export_path is set: pseudonyms need a key",
                {"key": "key"},
            )
        return self


class ArchivalSettings(Section):
    """How the archives of datasets are stored."""

    storage_path: Annotated[LocalPath, Env("ARCHIVAL_PATH")] = Field(
        default=Path("archives"), description="The folder of the archives."
    )
    retention_days: RetentionDays = Field(
        default=90,
        ge=1,
        le=36500,
        description="Days for which an archive can be restored, fixed when it is written.",
    )
    compression: bool = Field(
        default=True, description="Whether samples, reports and documents are compressed."
    )
    full_data: bool = Field(
        default=True, description="Whether all documents are archived; without them nothing can be restored."
    )


class StagingSettings(Section):
    """Where documents are staged before they are pushed to Glean."""

    url: LocalPath = Field(default=Path("staging"), description="The staging folder.")


class StoreSettings(Section):
    """Where datasets, journeys and events are stored."""

    url: Annotated[str | None, Env("DATABASE_URL")] = Field(
        default=None,
        repr=False,
        description=(
            "`sqlite:///` and a path, or `postgresql://user:password@host:port/database` for several replicas. "
            "Without it, SQLite in the data folder. It may contain a password: write `${NAME}`, or set the variable."
        ),
    )

    @property
    def shared(self) -> bool:
        """Whether the store is a database server, which replicas on other machines may share."""
        return self.url is not None and not self.url.startswith(_SQLITE)

    @property
    def address(self) -> PostgresAddress:
        """The address of the database; only for a shared store."""
        # Imported here: most stores are SQLite, and need no driver.
        from server.infra.postgres.dsn import parse_postgres_url  # noqa: PLC0415

        return parse_postgres_url(self.url or "")

    @field_validator("url")
    @classmethod
    def _resolve_store_url(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is None:
            return None
        if url.partition(":")[0].lower().startswith("postgres"):
            # Imported here for the same reason.
            from server.infra.postgres.dsn import parse_postgres_url  # noqa: PLC0415

            parse_postgres_url(url)
            return url
        path = unquote(url.removeprefix(_SQLITE))
        if not url.startswith(_SQLITE) or not path.strip("/") or "?" in url or "\0" in path:
            raise ValueError(f"must be {_SQLITE} and the path of a file, or postgresql:// and a database")
        base: Path = (info.context or {})[DATA_DIR]
        return f"{_SQLITE}{base / path}"


class ProvisioningSettings(Section):
    """How datasets are provisioned."""

    sync_deadline_s: WholeNumber | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="Seconds that Glean may take to index the pushed documents. Without it half an hour, or four hours "
        "in the dialect `indexing`.",
    )
    questions_deadline_s: WholeNumber = Field(
        default=60, ge=1, le=3600, description="Seconds that all golden questions together may take."
    )
    concurrent: WholeNumber = Field(
        default=4, ge=1, le=64, description="The most provisions that run at once; others wait."
    )


class TeardownSettings(Section):
    """How datasets are taken down."""

    stop_deadline_s: WholeNumber = Field(
        default=300, ge=1, le=86_400, description="Seconds that a running sync may take to stop."
    )


class ConfirmationSettings(Section):
    """How a person confirms what needs a person."""

    sandbox: ConfirmationKind | None = Field(
        default=None,
        description="How a person confirms a teardown at sandbox with the reason `manual`: `elicitation`, in the "
        "caller's program where it can show forms, or `approval`, as past sandbox. A program that answers its own "
        "question passes for a person, so without this it is `elicitation` on stdio, `approval` over HTTP.",
    )


class SagasSettings(Section):
    """How sagas, the work on datasets, survive their processes."""

    attempts: WholeNumber = Field(
        default=10,
        ge=2,
        le=1000,
        description="How many processes in a row may die in the same step of a saga before it is stopped.",
    )


class OrphansSettings(Section):
    """Datasets that no journey protects."""

    grace_days: WholeNumber = Field(
        default=7, ge=0, le=3650, description="Days, counted in scans, before a sweep may take an orphan."
    )
    sweep_count: WholeNumber = Field(
        default=25, ge=1, le=10_000, description="A sweep that would take more datasets takes none."
    )
    sweep_share: Number = Field(
        default=0.30,
        gt=0,
        le=1,
        description="When more than 10 are due: a sweep that would take a larger share of the live ones takes none.",
    )


class LimitsSettings(Section):
    """Limits on datasets, records and calls."""

    live_datasets_per_client: WholeNumber = Field(
        default=50, ge=1, le=100_000, description="Live datasets that one client may have."
    )
    records_per_dataset: WholeNumber = Field(
        default=10_000_000, ge=1, le=1_000_000_000, description="Records that one dataset may have."
    )
    calls_per_minute: WholeNumber = Field(
        default=120,
        ge=0,
        le=1_000_000,
        description="Calls that one principal may make in a minute; 0 for no limit.",
    )
    teardowns_per_hour: WholeNumber = Field(
        default=20,
        ge=0,
        le=1_000_000,
        description="Teardowns that one principal may begin in an hour; 0 for no limit.",
    )
    terminal_teardowns_per_hour: WholeNumber = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="Teardowns that a person at a terminal may begin in an hour; 0 for no limit.",
    )


class Dataops(Section):
    """The section `dataops` of the file."""

    mock_data_repo: MockDataRepoSettings = UNSET
    glean: GleanSettings = UNSET
    connectors: ConnectorsSettings = UNSET
    sanitization: SanitizationSettings = UNSET
    archival: ArchivalSettings = UNSET
    staging: StagingSettings = UNSET
    store: StoreSettings = UNSET
    provisioning: ProvisioningSettings = UNSET
    teardown: TeardownSettings = UNSET
    confirmation: ConfirmationSettings = UNSET
    sagas: SagasSettings = UNSET
    orphans: OrphansSettings = UNSET
    limits: LimitsSettings = UNSET
    events: EventsSettings = UNSET
    schedules: SchedulesSettings = UNSET
    identity: IdentitySettings = UNSET
    http: HttpSettings = UNSET

    @model_validator(mode="after")
    def _require_identity_for_remote_hosts(self) -> Self:
        if not self.identity.configured and (self.http.allowed_hosts or self.http.allowed_origins):
            raise PydanticCustomError(
                "key", "gives access to other machines, which needs the section identity", {"key": "http"}
            )
        return self

    @model_validator(mode="after")
    def _require_shared_platform(self) -> Self:
        if self.store.shared and self.glean.embedded:
            raise PydanticCustomError(
                "key",
                "names a shared database, but the embedded sandbox belongs to one machine: set glean.api_key and "
                "glean.base_url (`dataset-lifecycle glean-sandbox` serves a sandbox to all), or use SQLite",
                {"key": "store.url"},
            )
        return self


class Settings(Dataops):
    """All settings: every key has a value, every path is absolute.

    `data_dir` is the data folder, `config_file` the file that was read, if any. `emptied` names what gives key and
    address of a Glean without a value, where neither has one. None of them is a key of the file.
    """

    data_dir: Path
    config_file: Path | None = None
    emptied: tuple[str, ...] = ()

    @property
    def store_path(self) -> Path:
        """The SQLite file; only for a store that is not shared."""
        return Path(self.store.url.removeprefix(_SQLITE)) if self.store.url else self.data_dir / "store.db"

    @property
    def sync_deadline(self) -> timedelta:
        """How long Glean may take to index pushed documents: the configured time, else the default of the dialect."""
        if self.provisioning.sync_deadline_s is not None:
            return timedelta(seconds=self.provisioning.sync_deadline_s)
        return timedelta(hours=4) if self.glean.dialect == "indexing" else timedelta(minutes=30)

    def secrets(self) -> frozenset[str]:
        """Every secret that is set, in plain text. Use it only to redact them from what is stored or shown."""
        password = self.store.address.password if self.store.shared else None
        return frozenset(_secrets(self)) | ({password} if password else set())


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _secrets(each)
