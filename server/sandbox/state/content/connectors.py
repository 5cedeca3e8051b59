"""Connectors of the Admin dialect: the configuration, authentication and document type of each.

The table is the sandbox's own and not the product's, so that a mistake in the product's table is noticed.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta, Struct

from domain.model import build_decoder

Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=500)]
Names: TypeAlias = Annotated[list[Text], Meta(min_length=1)]
Url: TypeAlias = Annotated[str, Meta(pattern=r"^https?://[^\s/?#]+\S*$", max_length=2000)]
Schedule: TypeAlias = Annotated[str, Meta(pattern=r"^[\d*][\d*/,-]*( [\d*A-Za-z][\d*/,A-Za-z-]*){4}$")]
Connector: TypeAlias = Literal["confluence", "github", "slack", "jira"]
ObjectType: TypeAlias = Literal["CONFLUENCE_PAGE", "GITHUB_REPOSITORY", "SLACK_MESSAGE", "JIRA_ISSUE"]


class _Strict(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


class ManagedBy(_Strict, kw_only=True):
    """Owner tag: the installation and the dataset that made the datasource. A person's datasource has none."""

    installation: Text
    dataset_id: Text


class SyncSettings(_Strict, kw_only=True):
    """Schedules of automatic syncs, as five-field cron expressions."""

    full_sync_schedule: Schedule
    incremental_sync_schedule: Schedule


class GithubSyncSettings(SyncSettings, kw_only=True):
    """Schedules of automatic syncs, and which parts of a repository they include."""

    include_issues: bool
    include_pull_requests: bool
    include_wiki: bool


class ApiToken(_Strict, kw_only=True):
    """Authentication by an API token. The token itself is sent with `auth.set` only."""

    type: Literal["API_TOKEN"]


class Pat(_Strict, kw_only=True):
    """Authentication by a personal access token."""

    type: Literal["PAT"]


class OAuth(_Strict, kw_only=True):
    """Authentication by an OAuth token."""

    type: Literal["OAUTH"]


class _Config(_Strict, kw_only=True):
    managed_by: ManagedBy | None = None


class ConfluenceConfig(_Config, kw_only=True):
    """Configuration of a Confluence connector: the spaces whose pages it takes."""

    base_url: Url
    space_keys: Names
    sync_settings: SyncSettings
    authentication: ApiToken | None = None


class GithubConfig(_Config, kw_only=True):
    """Configuration of a GitHub connector: the repositories of one organization."""

    organization: Text
    repositories: Names
    sync_settings: GithubSyncSettings
    authentication: Pat | None = None


class SlackConfig(_Config, kw_only=True):
    """Configuration of a Slack connector: the channels whose messages it takes."""

    workspace_id: Text
    channels: Names
    sync_settings: SyncSettings
    authentication: OAuth | None = None


class JiraConfig(_Config, kw_only=True):
    """Configuration of a Jira connector: the projects whose issues it takes."""

    base_url: Url
    project_keys: Names
    sync_settings: SyncSettings
    authentication: ApiToken | None = None


class ConnectorRules(NamedTuple):
    """Rules of a connector: the schema of its configuration, its authentication, and the one document type it takes."""

    config: msgspec.json.Decoder[Any]
    authentication: str
    object_type: ObjectType


CONNECTORS: Final[dict[Connector, ConnectorRules]] = {
    "confluence": ConnectorRules(build_decoder(ConfluenceConfig), "API_TOKEN", "CONFLUENCE_PAGE"),
    "github": ConnectorRules(build_decoder(GithubConfig), "PAT", "GITHUB_REPOSITORY"),
    "slack": ConnectorRules(build_decoder(SlackConfig), "OAUTH", "SLACK_MESSAGE"),
    "jira": ConnectorRules(build_decoder(JiraConfig), "API_TOKEN", "JIRA_ISSUE"),
}
