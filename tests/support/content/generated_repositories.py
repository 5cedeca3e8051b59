"""Whole mock-data repositories, drawn by hypothesis: every layout of every type, with the mistakes that people make."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import strategies as st

from domain.model.enums import DatasetType
from tests.support.content.template_repository import RECORD_FACTORIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Record = dict[str, Any] | None
PLACES: Final = ("fintech/developer_productivity", "fintech/payments", "retail/support", "default/default")
LARGE: Final = "word " * 1_000_100


class Names(NamedTuple):
    """The names of the fields of one type that mistakes are made in."""

    id: str
    title: str
    text: str
    container: str
    person: str
    instant: str
    reference: str
    optional: str


NAMES: Final = {
    DatasetType.CONFLUENCE_PAGES: Names(
        "page_id", "title", "body", "space_key", "author_email", "last_modified", "parent_id", "labels"
    ),
    DatasetType.GITHUB_REPOS: Names(
        "name", "language", "readme", "name", "maintainer_email", "updated_at", "full_name", "topics"
    ),
    DatasetType.SLACK_MESSAGES: Names(
        "message_id", "text", "text", "channel", "author", "timestamp", "thread", "author_name"
    ),
    DatasetType.JIRA_ISSUES: Names(
        "key", "summary", "description", "project", "assignee", "updated", "references", "labels"
    ),
}

INSTANTS: Final = (
    "yesterday",
    "13/12/2024",
    "12/13/2024",
    "3/4/2024 3:05 PM",
    "12/Mar/24 3:05 PM",
    "45363.628",
    45363.628,
    1710255900000,
    "2024-03-12 15:05 CET",
    "2024-03-12 15:05",
    "1066-10-14T10:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1955-01-01",
)
ADDRESSES: Final = (
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://example.com/x",
    "/wiki/x",
    "https://example.com/a b",
    "https:///x",
    "https://example.com/a\nb",
    "{{site:jira_isues}}/x",
    "{{site:jira_issues}}/browse/PAY-1",
    "https://elsewhere.example/x",
    " ",
)
PEOPLE: Final[Sequence[Any]] = (
    "no@body",
    "Mira Okafor",
    "Mira <mira@example.com>",
    {"displayName": "Mira"},
    {},
    "@",
    "<>",
    7,
)
VALUES: Final[Sequence[Any]] = (
    None,
    "",
    " ",
    7,
    7.5,
    10**30,
    True,
    [],
    ["a", ["b"]],
    {},
    {"name": "x"},
    {"name": {}},
    "\x00",
)
TEXTS: Final = (
    "See {{site:jira_isues}}/browse/PAY-1",
    "See {{site:confluence_pages}}/spaces/OPS and { site:github_repos }",
    "h2. Title\n{code}x{code} [~kim] [a|https://a.example]",
    '<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[x]]></ac:plain-text-body>',
    "<@U123> look at <https://a.example|this> &lt;b&gt; :tada:",
    json.dumps({"type": "doc", "version": 1, "content": [{"type": "paragraph"}]}),
    "\u202e\x1b[2J\u2028",
)
CONTAINERS: Final = ("DEV OPS", "", "a/b/c", "Straße", "x" * 300, "~kim")
REFERENCES: Final = (
    "P1",
    "M0",
    "PAY-404",
    "p1",
    "{{site:confluence_pages}}/spaces/OPS/pages/P404",
    "a;b",
    "o/r",
)
IDS: Final[Sequence[Any]] = (
    "",
    " ",
    "x" * 201,
    "a\nb",
    "a\u2028b",
    "a b",
    "p1",
    "PAY-2",
    "a?b#c%",
    1002,
    1002.5,
    None,
    [],
)
SPELLINGS: Final[tuple[Callable[[str], str], ...]] = (
    str.upper,
    lambda name: name.replace("_", " ").title(),
    lambda name: f"{name}s",
    lambda name: name[1:] + name[:1],
    lambda name: f"_{name}",
)


class Files(dict[str, bytes]):
    """The files of a repository, by their names below the folder of templates; a report shows their beginnings."""

    def __repr__(self) -> str:
        return "\n".join(f"{name} {len(data)} {data[:1500]!r}" for name, data in self.items())


@st.composite
def mistakes(draw: st.DrawFn, names: Names) -> Callable[[dict[str, Any]], Record]:
    """A mistake in a record."""
    field = st.sampled_from(names)
    kinds: list[tuple[st.SearchStrategy[str], st.SearchStrategy[Any]]] = [
        (field, st.sampled_from(VALUES)),
        (st.just(names.instant), st.sampled_from(INSTANTS)),
        (st.just("created"), st.sampled_from(INSTANTS)),
        (st.just("url"), st.sampled_from((*ADDRESSES, *VALUES))),
        (st.just(names.person), st.sampled_from(PEOPLE)),
        (st.just(names.text), st.sampled_from(TEXTS)),
        (st.just(names.title), st.sampled_from(TEXTS)),
        (st.just(names.container), st.sampled_from(CONTAINERS)),
        (st.just(names.reference), st.sampled_from(REFERENCES)),
        (st.just(names.id), st.sampled_from(IDS)),
        (st.sampled_from(("stars", "issues")), st.sampled_from(("1.2k", "12", -1, 2.0, *VALUES))),
        (st.just("owner"), st.sampled_from(("o" * 79, "o" * 80, "a b", {"login": "kim"}, None))),
    ]
    what = draw(st.integers(0, len(kinds) + 3))
    if what < len(kinds):
        given_name, given_value = kinds[what]
        name, value = draw(given_name), draw(given_value)
        return lambda record: record | {name: value}
    name = draw(field)
    if what == len(kinds):
        return lambda record: {each: value for each, value in record.items() if each != name}
    if what == len(kinds) + 1:
        spelt = draw(st.sampled_from(SPELLINGS))
        return lambda record: {spelt(each) if each == name else each: value for each, value in record.items()}
    if what == len(kinds) + 2:
        return lambda record: record | {names.text: LARGE[: draw_size(name)]}
    return lambda _record: None


def draw_size(name: str) -> int:
    """A size on one side of the limit or the other, the same for the same name."""
    return 5_000_000 if len(name) % 2 else 4_990_000


@st.composite
def record_lists(draw: st.DrawFn, dataset_type: DatasetType) -> list[Record]:
    """Records of a type, most of them right. One mistake among many records leaves a template fit for use."""
    factory, names = RECORD_FACTORIES[dataset_type], NAMES[dataset_type]
    records: list[Record] = [factory(number) for number in range(draw(st.sampled_from((1, 3, 12, 60))))]
    for mistake in draw(st.lists(mistakes(names), max_size=4)):
        at = draw(st.integers(0, len(records) - 1))
        records[at] = mistake(records[at] or factory(at))
        if draw(st.integers(0, 9)) == 0:
            records = [mistake(each or factory(number)) for number, each in enumerate(records)]
    if draw(st.integers(0, 3)) == 0:
        records.append(records[draw(st.integers(0, len(records) - 1))])
    return records


@st.composite
def layouts(draw: st.DrawFn, dataset_type: DatasetType, records: list[Record]) -> dict[str, bytes]:
    """The files of a template, by the ends of their names; the first is the template's own."""
    layout = draw(st.sampled_from(("array", "lines", "pretty", "v1", "v2", "beside", "csv", "csv", "vendor")))
    head = draw(heads(dataset_type, len(records)))
    lines = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in records)
    version = draw(st.sampled_from((2, 2, 2, 3)))
    texts: dict[str, Callable[[], str]] = {
        "array": lambda: json.dumps(records),
        "lines": lambda: lines,
        "pretty": lambda: "\n".join(json.dumps(each, indent=2) for each in records),
        "v1": lambda: json.dumps({**head, "records": records}),
        "v2": lambda: json.dumps({**head, "format_version": version, "source": {"records": records}}),
        "vendor": lambda: json.dumps(
            {"issues": [{"id": "1", "key": "A-1", "fields": each} for each in records]}
        ),
        "csv": lambda: draw(tables(records)),
    }
    if layout == "beside":
        end = draw(st.sampled_from((".rows.jsonl", ".gone.jsonl")))
        named = {**head, "format_version": version, "source": {"file": f"{dataset_type.value}{end}"}}
        return {".json": json.dumps(named).encode(), ".rows.jsonl": draw(cut_short(lines))}
    end = draw(st.sampled_from((".jsonl", ".json", ".csv"))) if layout == "lines" else ".json"
    return {".csv" if layout == "csv" else end: draw(cut_short(texts[layout]()))}


@st.composite
def heads(draw: st.DrawFn, dataset_type: DatasetType, count: int) -> dict[str, Any]:
    """A template's header, which may declare another number of records, and a schema that they do not fit."""
    names = NAMES[dataset_type]
    head: dict[str, Any] = {"name": "Ours", "metadata": {"tags": ["mock"], "custom_fields": {}}}
    if draw(st.booleans()):
        head["metadata"]["custom_fields"] = {"owner": draw(st.sampled_from(("acme", "a b", "o" * 200, 7)))}
    if draw(st.booleans()):
        head["default_record_count"] = draw(st.sampled_from((0, 1, count - 1, count, count + 1, "many")))
    if draw(st.booleans()):
        schemas: Sequence[Any] = (
            {"type": "string", "maxLength": 20},
            {"enum": ["OPS"]},
            {"type": "strin"},
            {},
        )
        head["schema"] = {"type": "object", "properties": {names.title: draw(st.sampled_from(schemas))}}
    return head


@st.composite
def cut_short(draw: st.DrawFn, text: str) -> bytes:
    """The bytes of a text, of which sometimes the end is missing, or that are in an encoding of old."""
    encoding = draw(st.sampled_from(("utf-8",) * 9 + ("utf-8-sig", "utf-16", "latin-1")))
    data = text.encode(encoding, "replace")
    return data if draw(st.integers(0, 9)) else data[: draw(st.integers(0, len(data)))]


@st.composite
def tables(draw: st.DrawFn, records: Sequence[Record]) -> str:
    """The records as a table with any separator."""
    rows = [each or {} for each in records]
    file = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["id"]
    writer = csv.writer(file, delimiter=draw(st.sampled_from(",;\t|")))
    if draw(st.integers(0, 9)) == 0:
        writer.writerow(["Export of today"])
    writer.writerow(names)
    for row in rows:
        cells = [row.get(name) for name in names]
        writer.writerow([json.dumps(each) if isinstance(each, list | dict) else each for each in cells])
    return file.getvalue()


@st.composite
def repositories(draw: st.DrawFn) -> Files:
    """The files of a repository of one to four templates, by their names below the folder of templates."""
    keys = st.tuples(st.sampled_from(PLACES), st.sampled_from(list(DatasetType)))
    files = Files()
    for place, dataset_type in draw(st.lists(keys, min_size=1, max_size=4, unique=True)):
        made = draw(layouts(dataset_type, draw(record_lists(dataset_type))))
        files.update({f"{place}/{dataset_type.value}{end}": data for end, data in made.items()})
    return files
