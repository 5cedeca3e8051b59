"""Schema of the connector configuration of each type: the settings, and the check of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from domain.connectors.cron import cron_problem
from domain.model import DatasetType

SettingCheck: TypeAlias = Callable[[object], str | None]
"""Returns what is wrong with a value, in words that follow the setting's name; None when it is valid."""

_LONGEST_URL: Final = 2000


@dataclass(frozen=True, slots=True)
class NameList:
    """Setting that lists at least one name of that form."""

    form: re.Pattern[str]
    rule: str


def https_url_problem(value: object) -> str | None:
    """What is wrong with an address, in words that follow the setting's name; None when it is valid."""
    rule = "must be an https address with a host, and without user, password, query or fragment"
    if not isinstance(value, str) or len(value) > _LONGEST_URL or re.search(r"[\s\x00-\x1f\x7f\\]", value):
        return rule
    try:
        parts = urlsplit(value)
        # urlsplit checks the port only when it is read.
        _ = parts.port
    except ValueError:
        return rule
    good = (
        parts.scheme == "https"
        and parts.hostname
        and "@" not in parts.netloc
        and not parts.query + parts.fragment
    )
    return None if good else rule


def _schedule_problem(value: object) -> str | None:
    return cron_problem(value) if isinstance(value, str) else "must be a cron expression of five fields"


def _flag_problem(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _text_check(form: str, rule: str) -> SettingCheck:
    pattern = re.compile(form)
    return lambda value: None if isinstance(value, str) and pattern.fullmatch(value) else rule


def _name_list(form: str, rule: str) -> NameList:
    return NameList(re.compile(form), rule)


_SCHEDULES: Final = {"fullSyncSchedule": _schedule_problem, "incrementalSyncSchedule": _schedule_problem}


def _authentication_schema(kind: str) -> Mapping[str, SettingCheck]:
    return {"type": lambda value: None if value == kind else f"must be {kind}"}


CONFIG_SCHEMAS: Final[Mapping[DatasetType, Mapping[str, Any]]] = {
    DatasetType.CONFLUENCE_PAGES: {
        "baseUrl": https_url_problem,
        "spaceKeys": _name_list(
            r"~?[A-Za-z0-9._-]{1,255}", "must be a space key: letters, digits, '.', '_' and '-'"
        ),
        "authentication": _authentication_schema("API_TOKEN"),
        "syncSettings": _SCHEDULES,
    },
    DatasetType.GITHUB_REPOS: {
        "organization": _text_check(
            r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})", "must be an organisation: 1 to 39 letters, digits and '-'"
        ),
        "repositories": _name_list(
            r"(?:[A-Za-z0-9-]{1,39}/)?[A-Za-z0-9._-]{1,100}", "must be a repository, `name` or `owner/name`"
        ),
        "authentication": _authentication_schema("PAT"),
        "syncSettings": {
            "includeIssues": _flag_problem,
            "includePullRequests": _flag_problem,
            "includeWiki": _flag_problem,
            **_SCHEDULES,
        },
    },
    DatasetType.SLACK_MESSAGES: {
        "workspaceId": _text_check(
            r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", "must be a workspace id: letters, digits, '_' and '-'"
        ),
        "channels": _name_list(
            r"#?[^\s#\x00-\x1f\x7f,/\\]{1,80}", "must be a channel's name or id without spaces"
        ),
        "authentication": _authentication_schema("OAUTH"),
        "syncSettings": _SCHEDULES,
    },
    DatasetType.JIRA_ISSUES: {
        "baseUrl": https_url_problem,
        "projectKeys": _name_list(
            r"[A-Za-z][A-Za-z0-9_]{0,254}", "must be a project key: a letter, then letters, digits and '_'"
        ),
        "authentication": _authentication_schema("API_TOKEN"),
        "syncSettings": _SCHEDULES,
    },
}
CONTAINER_SETTINGS: Final = {
    dataset_type: next(name for name, node in shape.items() if isinstance(node, NameList))
    for dataset_type, shape in CONFIG_SCHEMAS.items()
}
"""The setting of each type that lists the spaces, repositories, channels or projects."""
