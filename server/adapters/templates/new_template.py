"""New templates: a small table that is filled in with a spreadsheet, and a page beside it that explains its columns."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.content import RECORD_KINDS, Reads
from domain.errors import InvalidArgumentError
from domain.model import DatasetType, quote_foreign
from server.adapters.templates.catalogue.location import find_place
from server.adapters.templates.formats import TEMPLATE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class NewTemplate(NamedTuple):
    """The files that were written, and the id of the template."""

    template_id: str
    table: Path
    page: Path


def write_new_template(root: Path, place: str, dataset_type: DatasetType) -> NewTemplate:
    """Write a small template of a type into the folder of an industry and use case, with a page that explains it.

    Args:
        root: the folder of templates; it is made where it is missing.
        place: `INDUSTRY/USE_CASE`.
        dataset_type: the type of its records.

    Raises:
        InvalidArgumentError: the place is no industry and use case, a template of that type is there, or the folder
            cannot be written. Nothing is overwritten, and nothing is left half-written.
    """
    industry, use_case = _parse_place(place)
    folder = find_place(root, (industry, use_case), "place")
    stem = dataset_type.value
    taken = [f"{stem}{suffix}" for suffix in TEMPLATE_SUFFIXES if os.path.lexists(folder / f"{stem}{suffix}")]
    if taken:
        raise InvalidArgumentError(
            f"{quote_foreign(place)} has a template of {stem}: {taken[0]}. Nothing is overwritten.",
            field="place",
            suggested_action="Name another industry or use case, or change that file.",
        )
    table, page = folder / f"{stem}.csv", folder / f"{stem}.README.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_together({page: render_page(dataset_type), table: _TABLES[dataset_type]})
    except OSError as error:
        raise InvalidArgumentError(
            f"{folder} cannot be written: {error.strerror}.",
            field="repo",
            suggested_action="Name a folder that this account may write with --repo.",
        ) from None
    return NewTemplate(f"{industry}/{use_case}/{stem}", table, page)


def render_page(dataset_type: DatasetType) -> str:
    """The page that explains the columns, in Markdown."""
    kind = RECORD_KINDS[dataset_type]
    columns = _TABLES[dataset_type].split("\n", 1)[0].split(",")
    rows = [
        f"| `{each.name}` | {'yes' if each.required else 'no'} | {_describe(each.name, each.reads)} |"
        for each in kind.fields
    ]
    return _PAGE.format(
        name=dataset_type.value,
        rows="\n".join(rows),
        columns=", ".join(f"`{name}`" for name in columns),
    )


_PAGE: Final = """\
# {name}

`{name}.csv` is the template: one row is one record. Open it with a spreadsheet, replace the examples, add rows, and
save it as CSV in UTF-8. It has the columns {columns}; what is not required may be left out.

| column | required | what is in it |
|---|---|---|
{rows}

Write `{{{{site:jira_issues}}}}/browse/DEMO-1` in a text where a link is to lead to the client's own copy of an issue.
The types `confluence_pages`, `github_repos` and `slack_messages` have such a site, too.

Check it with `dataset-lifecycle templates validate PATH`, where PATH is the folder of the repository.
"""


def _parse_place(place: str) -> tuple[str, str]:
    parts = place.strip("/").split("/")
    if len(parts) != 2 or not all(map(_FOLDER.fullmatch, parts)):  # noqa: PLR2004 - industry and use case
        raise InvalidArgumentError(
            f"{quote_foreign(place)} is not INDUSTRY/USE_CASE: two names of letters, digits, '.', '_' and '-'.",
            field="place",
            suggested_action="Name both, such as fintech/payments; `default` stands for any industry or use case.",
        )
    return parts[0], parts[1]


def _write_together(texts: Mapping[Path, str]) -> None:
    """Write files that do not exist yet, all of them or none. Raises OSError."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            with path.open("x", encoding="utf-8", newline="") as file:
                written.append(path)
                file.write(text)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _describe(name: str, reads: Reads) -> str:
    meaning = _MEANINGS.get(name, name.replace("_", " "))
    form = {
        Reads.COUNT: "a whole number",
        Reads.TEXTS: "several, with `;` between them",
        Reads.INSTANT: "such as `2024-03-12T09:30:00Z`",
        Reads.PERSON: "an e-mail address, or a name",
    }.get(reads)
    return f"{meaning}; {form}" if form else meaning


_MEANINGS: Final = {
    "page_id": "the id of the page, which no other page has",
    "body": "the text, as HTML",
    "space_key": "the key of the space, such as `OPS`",
    "author_email": "the e-mail address of the author, at an address that is nobody's: `@example.com`",
    "last_modified": "when it was changed last",
    "parent_id": "the `page_id` of the page above it",
    "owner": "the organisation",
    "stars": "how many people marked it",
    "issues": "how many issues are open",
    "readme": "the text of its first page, as Markdown",
    "updated_at": "when it was changed last",
    "message_id": "the id of the message, which no other message has",
    "channel": "the name of the channel, without `#`",
    "author": "the e-mail address of the author, at an address that is nobody's: `@example.com`",
    "timestamp": "when it was written",
    "thread": "the `message_id` of the message that it answers",
    "key": "the key of the issue, such as `DEMO-1`",
    "assignee": "the e-mail address of the person who works on it",
    "reporter": "the e-mail address of the person who reported it",
    "updated": "when it was changed last",
    "created": "when it was made",
    "references": "ids of other records that it mentions",
    "url": "its address, if it is not to be made from the client's site",
}


_TABLES: Final = {
    DatasetType.CONFLUENCE_PAGES: """\
page_id,title,body,space_key,author_email,last_modified
1001,On-call handbook,<p>Who answers first at night.</p>,OPS,mira@example.com,2024-03-11T09:30:00Z
1002,How we release,<p>A release leaves on Tuesdays.</p>,OPS,jon@example.com,2024-03-12T09:30:00Z
1003,Words of payments,"<p>Settlement, chargeback and our other words.</p>",OPS,mira@example.com,2024-03-13T09:30:00Z
""",
    DatasetType.GITHUB_REPOS: """\
name,owner,description,language,stars,issues,url,readme,updated_at
billing-api,example-org,Invoices,Python,12,3,{{site:github_repos}}/billing-api,# Billing,2024-03-11T09:30:00Z
ledger,example-org,The books and their balance,Go,7,0,{{site:github_repos}}/ledger,# Ledger,2024-03-12T09:30:00Z
web-shop,example-org,The shop,TypeScript,31,8,{{site:github_repos}}/web-shop,# Shop,2024-03-13T09:30:00Z
""",
    DatasetType.SLACK_MESSAGES: """\
message_id,text,channel,author,timestamp,thread
m-1,The deploy is done; the dashboards look fine.,releases,mira@example.com,2024-03-11T09:30:00Z,
m-2,Thank you! I close the incident.,releases,jon@example.com,2024-03-11T09:34:00Z,m-1
m-3,Who is on call this week?,operations,jon@example.com,2024-03-12T08:05:00Z,
""",
    DatasetType.JIRA_ISSUES: """\
key,summary,description,status,assignee,project,priority,updated
DEMO-1,Totals differ by a cent,"Once a line, then again.",Open,jon@example.com,DEMO,High,2024-03-11T09:30:00Z
DEMO-2,Refunds arrive late,They are sent once a day.,Open,mira@example.com,DEMO,Low,2024-03-12T09:30:00Z
DEMO-3,Search ignores umlauts,Umlauts are not found.,Done,jon@example.com,DEMO,Medium,2024-03-13T09:30:00Z
""",
}
