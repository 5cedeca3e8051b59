"""JSON Schemas of the records, carried by the templates of format version 2."""

from __future__ import annotations

from typing import Final

_TEXT: Final = {"type": "string", "minLength": 1}


_MAIL: Final = {"type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$"}


_INSTANT: Final = {"type": "string", "format": "date-time"}


_COUNT: Final = {"type": "integer", "minimum": 0}


_LIST: Final = {"type": "array", "items": {"type": "string"}}


def _schema(required: dict[str, object], optional: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "required": list(required), "properties": required | optional}


SCHEMAS: Final[dict[str, dict[str, object]]] = {
    "confluence_pages": _schema(
        {
            "page_id": _TEXT,
            "title": _TEXT,
            "body": _TEXT,
            "space_key": _TEXT,
            "author_email": _MAIL,
            "last_modified": _INSTANT,
        },
        {
            "author_name": _TEXT,
            "created": _INSTANT,
            "labels": _LIST,
            "parent_id": _TEXT,
            "references": _LIST,
            "url": _TEXT,
        },
    ),
    "github_repos": _schema(
        {
            "name": _TEXT,
            "owner": _TEXT,
            "description": _TEXT,
            "language": _TEXT,
            "stars": _COUNT,
            "issues": _COUNT,
            "url": _TEXT,
            "readme": _TEXT,
            "updated_at": _INSTANT,
        },
        {"maintainer_email": _MAIL, "topics": _LIST},
    ),
    "slack_messages": _schema(
        {"message_id": _TEXT, "text": _TEXT, "channel": _TEXT, "author": _MAIL, "timestamp": _INSTANT},
        {"thread": {"type": "string"}, "author_name": _TEXT, "url": _TEXT},
    ),
    "jira_issues": _schema(
        {
            "key": {"type": "string", "pattern": "^[A-Z][A-Z0-9]*-[0-9]+$"},
            "summary": _TEXT,
            "description": _TEXT,
            "status": _TEXT,
            "assignee": _MAIL,
            "project": _TEXT,
            "priority": _TEXT,
            "updated": _INSTANT,
        },
        {
            "reporter": _MAIL,
            "created": _INSTANT,
            "issue_type": _TEXT,
            "labels": _LIST,
            "references": _LIST,
            "url": _TEXT,
        },
    ),
}
