"""Exports of vendors as tests need them, and what an import makes of one. All names and addresses are invented."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from server.adapters.templates.exports import ImportOptions, ImportReport, ImportTarget, import_export
from server.adapters.templates.exports.vendors import VENDORS
from server.adapters.templates.exports.vendors.absent import REQUIRED, STAND_INS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CASES: Final = ("fintech", "payments")


def import_into(
    repository: Path,
    kind: str,
    source: Path,
    options: ImportOptions | None = None,
    *,
    replace: bool = False,
    progress: Callable[[int, int, int], None] = lambda _read, _total, _records: None,
) -> ImportReport:
    """Import one export into `fintech/payments` of a repository."""
    repository.mkdir(exist_ok=True)
    target = ImportTarget(
        repository=repository,
        subdir="mock_data/templates",
        industry=CASES[0],
        use_case=CASES[1],
        replace=replace,
    )
    return import_export(kind, source, target, options or ImportOptions(), progress)


def import_records(
    folder: Path, kind: str, content: str | bytes | Path, options: ImportOptions | None = None
) -> tuple[list[dict[str, Any]], ImportReport]:
    """The records that an import makes of a file's content, or of an export that is there already.

    Where a stand-in was written for a value that the export does not have, the record has None, or nothing.
    """
    source = content if isinstance(content, Path) else folder / "export"
    if isinstance(content, str):
        source.write_text(content, encoding="utf-8")
    elif isinstance(content, bytes):
        source.write_bytes(content)
    report = import_into(folder / "repository", kind, source, options, replace=True)
    return [_without_stand_ins(kind, each) for each in read_records(report)], report


def _without_stand_ins(kind: str, record: dict[str, Any]) -> dict[str, Any]:
    dataset_type = VENDORS[kind].dataset_type
    for name, derive in reversed([*STAND_INS.get(dataset_type, {}).items()]):
        if record.get(name) in (None, derive(record)):
            record[name] = None
    required = REQUIRED[dataset_type]
    return {name: value for name, value in record.items() if value is not None or name in required}


def read_records(report: ImportReport) -> list[dict[str, Any]]:
    """The records that an import wrote."""
    return [json.loads(line) for line in report.files[1].read_text(encoding="utf-8").split("\n") if line]


def write_tree(folder: Path, files: Mapping[str, Any]) -> Path:
    """A folder with those files; what is no text is written as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


def write_zip(path: Path, files: Mapping[str, Any]) -> Path:
    """The same as a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return path


JIRA_CLOUD: Final = """\
Summary,Issue key,Issue id,Issue Type,Status,Project key,Priority,Assignee,Assignee Id,Reporter,Reporter Id,\
Created,Updated,Labels,Labels,Description,Attachment,Comment,Comment,Custom field (Story Points),Sprint,Parent key
Refunds,PAY-2,10002,Epic,In Progress,PAY,High,Kim Vega,acc-1,Ada Moss,acc-2,1/Mar/24 9:00 AM,2/Mar/24 9:00 AM,,,,,,,,,
Refund fails,PAY-41,10041,Bug,To Do,PAY,High,,,Ada Moss,acc-2,12/Mar/24 3:05 PM,14/Mar/24 12:41 AM,abroad,refund,\
"h2. Steps
See [the runbook|https://vega.atlassian.net/wiki/spaces/OPS/pages/98319/Refunds] and [~accountid:acc-1], {{E42}}",\
12/Mar/24;acc-2;a.png;https://vega.atlassian.net/rest/api/3/attachment/content/1,one,two,3.0,Sprint 1,PAY-2
"""
JIRA_SERVER: Final = """\
Issue key;Summary;Status;Assignee;Created;Updated;Description;Inward issue link (Blocks)
OPS-1;Disk full;Offen;kvega;12.03.2024 15:05;13.03.2024 09:00;"Siehe https://jira.vega.example/browse/OPS-2";OPS-2
OPS-2;Log rotation;Done;kim@vega.example;11.03.2024 08:00;11.03.2024 08:00;;OPS-9
"""


def jira_issue(key: str, **fields: Any) -> dict[str, Any]:
    """An issue as Jira's REST API answers it."""
    return {
        "id": "1",
        "self": "https://vega.atlassian.net/rest/api/3/issue/1",
        "key": key,
        "fields": {
            "summary": f"Summary of {key}",
            "status": {"name": "To Do"},
            "issuetype": {"name": "Task"},
            "project": {"key": key.partition("-")[0]},
            "priority": {"name": "High"},
            "assignee": {"accountId": "acc-1", "displayName": "Kim Vega"},
            "reporter": {"accountId": "acc-2", "displayName": "Ada Moss", "emailAddress": "ada@vega.example"},
            "created": "2024-03-12T15:05:00.000+0100",
            "updated": "2024-03-14T09:41:00.000+0100",
            "labels": ["refund"],
            "description": None,
            **fields,
        },
    }


def slack_files(**days: Any) -> dict[str, Any]:
    """A Slack export with two people and a channel; `days` are further files, by `folder__YYYY_MM_DD`."""
    return {
        "users.json": [
            {"id": "U1", "name": "kim", "profile": {"real_name": "Kim Vega", "email": "kim@vega.example"}},
            {"id": "U2", "name": "ada", "real_name": "Ada Moss", "profile": {}},
        ],
        "channels.json": [{"id": "C1", "name": "general", "members": ["U1", "U2"]}],
        "integration_logs.json": [],
        **{name.replace("__", "/").replace("_", "-") + ".json": messages for name, messages in days.items()},
    }


def slack_message(ts: str, text: str = "Hello", user: str | None = "U1", **more: Any) -> dict[str, Any]:
    """A message as Slack exports it."""
    return {"type": "message", "text": text, "user": user, "ts": ts, **more}


def confluence_page(page_id: str, title: str, body: str = "<p>Text</p>", **more: Any) -> dict[str, Any]:
    """A page as Confluence's REST API v1 answers it."""
    return {
        "id": page_id,
        "type": "page",
        "status": "current",
        "title": title,
        "space": {"key": "OPS"},
        "history": {
            "createdBy": {"accountId": "acc-1", "email": "", "displayName": "Kim Vega"},
            "createdDate": "2024-01-10T08:00:00.000Z",
        },
        "version": {"when": "2024-03-12T14:05:00.000Z", "number": 4},
        "ancestors": [],
        "body": {"storage": {"value": body, "representation": "storage"}},
        "metadata": {"labels": {"results": [{"name": "runbook"}]}},
        "_links": {
            "webui": f"/spaces/OPS/pages/{page_id}",
            "self": f"https://vega.atlassian.net/wiki/{page_id}",
        },
        **more,
    }


def confluence_page_v2(page_id: str, title: str, **more: Any) -> dict[str, Any]:
    """A page as Confluence's REST API v2 answers it."""
    return {
        "id": page_id,
        "status": "current",
        "title": title,
        "spaceId": "65538",
        "parentId": None,
        "authorId": "acc-1",
        "createdAt": "2024-01-10T08:00:00.000Z",
        "version": {"createdAt": "2024-03-12T14:05:00.000Z", "number": 4, "authorId": "acc-1"},
        "body": {"storage": {"value": "<p>Text</p>", "representation": "storage"}},
        "_links": {"webui": f"/spaces/OPS/pages/{page_id}/x"},
        **more,
    }


def entities_xml(*objects: str) -> str:
    """The `entities.xml` of a space export, with a space and two people."""
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<hibernate-generic datetime="2024-03-15 10:00:00">',
            '<object class="Space" package="com.atlassian.confluence.spaces"><id name="id">65538</id>',
            '<property name="key"><![CDATA[OPS]]></property>',
            '<property name="name"><![CDATA[Operations]]></property></object>',
            '<object class="ConfluenceUserImpl"><id name="key"><![CDATA[k1]]></id>',
            '<property name="name"><![CDATA[Kim Vega]]></property>',
            '<property name="email"><![CDATA[kim@vega.example]]></property></object>',
            '<object class="ConfluenceUserImpl"><id name="key"><![CDATA[k2]]></id>',
            '<property name="name"><![CDATA[ada]]></property></object>',
            *objects,
            "</hibernate-generic>",
        ]
    )


def xml_page(page_id: str, title: str, *, kind: str = "Page", status: str = "current", more: str = "") -> str:
    """A page of a space export, without its body."""
    return (
        f'<object class="{kind}" package="com.atlassian.confluence.pages"><id name="id">{page_id}</id>'
        f'<property name="title"><![CDATA[{title}]]></property>'
        '<property name="space" class="Space"><id name="id">65538</id></property>'
        '<property name="creator" class="ConfluenceUserImpl"><id name="key"><![CDATA[k1]]></id></property>'
        '<property name="creationDate">2024-01-10 08:00:00.000</property>'
        '<property name="lastModificationDate">2024-03-12 14:05:00.000</property>'
        f'<property name="contentStatus"><![CDATA[{status}]]></property>{more}'
        '<collection name="bodyContents" class="java.util.Collection">'
        '<element class="BodyContent"><id name="id">b</id></element></collection></object>'
    )


def xml_body(page_id: str, body: str) -> str:
    """The body of a page of a space export."""
    return (
        f'<object class="BodyContent"><id name="id">b{page_id}</id>'
        f'<property name="body"><![CDATA[{body}]]></property>'
        f'<property name="content" class="Page"><id name="id">{page_id}</id></property>'
        '<property name="bodyType">2</property></object>'
    )


def github_repository(name: str, **more: Any) -> dict[str, Any]:
    """A repository as GitHub's REST API lists it."""
    return {
        "id": 1,
        "name": name,
        "full_name": f"vega-org/{name}",
        "owner": {"login": "vega-org"},
        "html_url": f"https://github.com/vega-org/{name}",
        "description": f"The {name}",
        "fork": False,
        "archived": False,
        "language": "Python",
        "stargazers_count": 12,
        "open_issues_count": 3,
        "topics": ["payments"],
        "updated_at": "2024-03-12T14:05:00Z",
        **more,
    }
