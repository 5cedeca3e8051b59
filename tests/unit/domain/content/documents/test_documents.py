from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.content.documents import (
    RECORD_KINDS,
    Author,
    Document,
    RecordKind,
    decode_document,
    encode_document,
    parse_document_id,
    record_json_schema,
)
from domain.content.documents.kinds import headline
from domain.content.documents.neutral import Body
from domain.content.documents.repair import (
    InvalidRecordError,
    RepairedRecord,
    parse_members,
    parse_timestamp,
    repair_record,
)
from domain.model.enums import DatasetType
from tests.support.content.records import ISSUES, MESSAGES, PAGES, REPOS, populate, template_record

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

DOCUMENTS: dict[DatasetType, dict[str, Any]] = {
    PAGES: {
        "type": "confluence_pages",
        "id": "1001",
        "title": "Ledger",
        "body": {"mime": "text/html", "text": "<p>Posts</p>"},
        "container": "PAY",
        "author": {"email": "ada@acme.example"},
        "url": "https://confluence.acme.example/spaces/PAY/pages/1001",
        "updated": "2026-05-01T10:00:00Z",
        "readers": ["everyone"],
    },
    REPOS: {
        "type": "github_repos",
        "id": "acme/ledger-1",
        "title": "ledger-1",
        "body": {"mime": "text/markdown", "text": "# Ledger"},
        "container": "acme",
        "author": {"email": "acme@people.example", "name": "acme"},
        "url": "https://github.acme.example/ledger",
        "updated": "2026-05-01T10:00:00Z",
        "readers": ["everyone"],
        "properties": {"description": "Keeps the books", "language": "Kotlin", "stars": 3, "issues": 0},
    },
    MESSAGES: {
        "type": "slack_messages",
        "id": "p1746093600000001",
        "title": "The ledger is fine",
        "body": {"mime": "text/plain", "text": "The ledger is fine"},
        "container": "payments",
        "author": {"email": "ada@acme.example"},
        "url": "https://slack.acme.example/archives/payments/p1746093600000001",
        "updated": "2026-05-01T10:00:00Z",
        "readers": ["everyone"],
    },
    ISSUES: {
        "type": "jira_issues",
        "id": "PAY-1",
        "title": "Posting lag",
        "body": {"mime": "text/plain", "text": "It lags"},
        "container": "PAY",
        "author": {"email": "ada@acme.example"},
        "url": "https://jira.acme.example/browse/PAY-1",
        "updated": "2026-05-01T10:00:00Z",
        "readers": ["everyone"],
        "properties": {"status": "Open", "priority": "High", "assignee": "ada@acme.example"},
    },
}


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_a_record_of_each_type_becomes_its_document(dataset_type: DatasetType) -> None:
    documents, _ = populate([template_record(dataset_type)], dataset_type)
    assert documents == [DOCUMENTS[dataset_type]]


FULLER: dict[DatasetType, tuple[dict[str, Any], dict[str, Any]]] = {
    PAGES: (
        {
            "parent_id": "1001",
            "labels": ["runbook"],
            "url": "https://elsewhere.example/1",
            "created": "2026-04-01T10:00:00Z",
            "author_name": "Ada",
            "references": ["PAY-1"],
        },
        {
            "url": "https://elsewhere.example/1",
            "created": "2026-04-01T10:00:00Z",
            "author": {"email": "ada@acme.example", "name": "Ada"},
            "properties": {"labels": ["runbook"]},
            "references": ["1001", "PAY-1"],
        },
    ),
    REPOS: (
        {"maintainer_email": "ada@acme.example", "topics": ["books"]},
        {
            "author": {"email": "ada@acme.example"},
            "properties": DOCUMENTS[REPOS]["properties"] | {"topics": ["books"]},
        },
    ),
    MESSAGES: (
        {"thread": "p1746093600000001", "author_name": "Ada", "url": "https://elsewhere.example/1"},
        {
            "url": "https://elsewhere.example/1",
            "author": {"email": "ada@acme.example", "name": "Ada"},
            "properties": {"thread": "p1746093600000001"},
            "references": ["p1746093600000001"],
        },
    ),
    ISSUES: (
        {
            "reporter": "bob@acme.example",
            "created": "2026-04-01T10:00:00Z",
            "url": "https://elsewhere.example/1",
            "labels": ["bug"],
            "issue_type": "Bug",
            "references": ["PAY-1"],
        },
        {
            "url": "https://elsewhere.example/1",
            "created": "2026-04-01T10:00:00Z",
            "author": {"email": "bob@acme.example"},
            "properties": DOCUMENTS[ISSUES]["properties"] | {"issue_type": "Bug", "labels": ["bug"]},
            "references": ["PAY-1"],
        },
    ),
}


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_optional_fields_are_carried(dataset_type: DatasetType) -> None:
    given_fields, expected = FULLER[dataset_type]
    documents, _ = populate([template_record(dataset_type, **given_fields)], dataset_type)
    assert documents == [DOCUMENTS[dataset_type] | expected]


def test_a_parent_that_is_a_reference_too_is_named_once() -> None:
    documents, _ = populate([template_record(PAGES, parent_id="1001", references=["1001"])])
    assert documents[0]["references"] == ["1001"]


def test_a_repository_known_by_its_full_name_keeps_it() -> None:
    documents, _ = populate([template_record(REPOS, name="acme/books", owner="???")], REPOS)
    assert documents[0]["id"] == "acme/books"
    assert documents[0]["author"] == {"email": "person-d86ab8@people.example", "name": "???"}


SPELLINGS = [
    (REPOS, {"name": "repo name", "issues": "open_issues"}),
    (ISSUES, {"key": "issue key"}),
    (ISSUES, {"key": "Issue_Key"}),
    (PAGES, {"page_id": "id", "author_email": "author"}),
    (MESSAGES, {"author": "user", "timestamp": "ts"}),
]


@pytest.mark.parametrize(("dataset_type", "names"), SPELLINGS)
def test_other_spellings_of_a_field_are_no_flaw(dataset_type: DatasetType, names: dict[str, str]) -> None:
    spelt = {names.get(name, name): value for name, value in template_record(dataset_type).items()}
    documents, content = populate([spelt], dataset_type)
    assert (documents, content.report.score) == ([DOCUMENTS[dataset_type]], 100.0)


def test_the_proper_spelling_wins_over_another() -> None:
    documents, _ = populate([template_record(PAGES, id="9", page_id="7", title=5)])
    assert documents[0]["id"] == "7"


def repair(kind: RecordKind, line: bytes) -> RepairedRecord:
    members = parse_members(line)
    return repair_record(kind, members, kind.plan_names(tuple(members)))


def conforms(repaired: RepairedRecord) -> bool:
    return not any(each.check == "schema_conformity" for each in repaired.faults)


# --- schema and structure are two views of one rule ----------------------------------------------------------------

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "x", 7, -1, 1.5, 2.0, True, [], ["a"], [1], {}, "y" * 201]
)


@settings(deadline=None)
@given(dataset_type=st.sampled_from(DatasetType), odd=st.dictionaries(st.integers(0, 30), ODD, max_size=3))
def test_the_schema_and_the_reader_agree_on_what_conforms(
    dataset_type: DatasetType, odd: dict[int, Any]
) -> None:
    kind = RECORD_KINDS[dataset_type]
    full = template_record(dataset_type, **FULLER[dataset_type][0])
    full.pop("author_name", None)  # it stands in for an author without an address
    for index, value in odd.items():
        full[kind.fields[index % len(kind.fields)].name] = value
    line = msgspec.json.encode(full)
    fits = jsonschema_rs.is_valid(record_json_schema(dataset_type), full)
    try:
        assert conforms(repair(kind, line)) == fits
    except InvalidRecordError:
        assert not fits
    try:
        msgspec.json.decode(line, type=kind.record)
    except msgspec.ValidationError:
        return
    assert fits


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_a_schema_names_what_is_required(dataset_type: DatasetType) -> None:
    described = record_json_schema(dataset_type)
    assert jsonschema_rs.is_valid(described, template_record(dataset_type))
    assert described["required"] == [each.name for each in RECORD_KINDS[dataset_type].fields if each.required]


# --- the neutral document ------------------------------------------------------------------------------------------

TEXT = st.text()
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds
NEUTRAL = st.builds(
    Document,
    type=st.sampled_from([each.value for each in DatasetType]),
    id=TEXT,
    title=TEXT,
    body=st.builds(Body, mime=st.just("text/plain"), text=TEXT),
    container=TEXT,
    author=st.builds(Author, email=TEXT, name=st.none() | TEXT),
    url=TEXT,
    updated=st.none() | INSTANTS,
    readers=st.just(("everyone",)),
    created=st.none() | INSTANTS,
    properties=st.none() | st.dictionaries(TEXT, TEXT | st.integers(0, 9), min_size=1),
    references=st.lists(TEXT).map(tuple),
)


@settings(deadline=None)
@given(NEUTRAL)
def test_a_document_comes_back_from_its_line_as_it_was(document: Document) -> None:
    line = encode_document(document)
    back = decode_document(line)
    assert b"\n" not in line
    assert msgspec.json.decode(back.body.text) == document.body.text
    again = Document(
        **{
            name: getattr(back, name) for name in back.__struct_fields__ if name not in {"body", "properties"}
        },
        body=Body(back.body.mime, msgspec.json.decode(back.body.text)),
        properties=back.properties or None,
    )
    assert again == document
    assert encode_document(again) == line
    assert parse_document_id(line) == document.id


def indexing(line: bytes) -> dict[str, Any]:
    """The document as an API with epoch seconds, view URLs and permissions wants it, its text spliced as it stands."""
    found = decode_document(line)
    rest = msgspec.json.encode(
        {
            "datasource": "acmesandboxconfluence",
            "id": found.id,
            "objectType": {"confluence_pages": "Page"}[found.type],
            "viewURL": found.url,
            "title": found.title,
            "container": found.container,
            "author": found.author,
            "createdAt": int(found.created.timestamp()) if found.created else None,
            "updatedAt": int(found.updated.timestamp()) if found.updated else None,
            "permissions": {"allowAllDatasourceUsersAccess": found.readers == ("everyone",)},
            "customProperties": [{"name": name, "value": value} for name, value in found.properties.items()],
        }
    )
    spliced = b'%b,"body":{"mimeType":"%b","textContent":%b}}' % (
        rest[:-1],
        found.body.mime.encode(),
        bytes(found.body.text),
    )
    decoded: dict[str, Any] = msgspec.json.decode(spliced)
    return decoded


def test_the_document_carries_what_a_second_dialect_needs() -> None:
    text = '<p class="x">Größe \n"quoted" \\ </p>'
    documents, _ = populate(
        [
            template_record(
                PAGES,
                body=text,
                created="2026-04-01T12:00:00+02:00",
                last_modified="2026-05-01T10:00:00.250Z",
            )
        ]
    )
    assert indexing(msgspec.json.encode(documents[0])) == {
        "datasource": "acmesandboxconfluence",
        "id": "1001",
        "objectType": "Page",
        "viewURL": "https://confluence.acme.example/spaces/PAY/pages/1001",
        "title": "Ledger",
        "container": "PAY",
        "author": {"email": "ada@acme.example"},
        "createdAt": 1775037600,
        "updatedAt": 1777629600,
        "permissions": {"allowAllDatasourceUsersAccess": True},
        "customProperties": [],
        "body": {"mimeType": "text/html", "textContent": text},
    }
    assert documents[0]["updated"] == "2026-05-01T10:00:00.250000Z"


def test_ids_that_differ_in_case_alone_never_both_become_documents() -> None:
    documents, _ = populate(
        [template_record(ISSUES, key="PAY-1"), template_record(ISSUES, key="pay-1")], ISSUES
    )
    assert [each["id"] for each in documents] == ["PAY-1"]


# --- records that do not fit ---------------------------------------------------------------------------------------

NOT_RECORDS = [
    (b'{"page_id": "1", "title', "is not JSON", None),
    (b'{"page_id": nope}', "is not JSON", None),
    (rb'{"page_id": "1", "title": "\ud800"}', "surrogate", None),
    (b'{"page_id": "1", "title": "\xff\xfe"}', "not UTF-8", None),
    (b"[" * 100_000, "nested too deeply", None),
    (b"[1]", "not a JSON object", None),
    (b"null", "is null", None),
    (b"{}", "has no page_id", "page_id"),
    (b'{"data": {"items": []}}', "has no page_id, and nothing reads data", "page_id"),
    (
        b'{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, " ": 1, "title": "x"}',
        "has no page_id, and nothing reads a, b, c, d, e, f and 1 more",
        "page_id",
    ),
    (b'{"page_id": " "}', "has no page_id", "page_id"),
    (b'{"page_id": true}', "has no page_id", "page_id"),
    (b'{"page_id": ["1"]}', "has no page_id", "page_id"),
    (
        b'{"page_id": "%b"}' % (b"9" * 201),
        'has the page_id "9{80}…" of 201 characters; it may have at most 200',
        "page_id",
    ),
]


@pytest.mark.parametrize(("line", "problem", "field"), NOT_RECORDS)
def test_what_is_no_record_says_why(line: bytes, problem: str, field: str | None) -> None:
    with pytest.raises(InvalidRecordError, match=problem) as refused:
        repair(RECORD_KINDS[PAGES], line)
    assert refused.value.field == field
    assert refused.value.__cause__ is None


def test_a_whole_number_that_is_written_with_a_fraction_is_that_number() -> None:
    found = repair(RECORD_KINDS[REPOS], b'{"name": "ledger", "owner": "mock-org", "stars": 2.0}')
    assert found.record.stars == 2


@pytest.mark.parametrize("digits", [16, 30, 5_000])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_number_of_too_many_digits_is_a_flaw_of_its_field(digits: int, quote: str) -> None:
    number = "9" * digits
    line = f'{{"name": "a", "description": null, "language": null, "stars": {quote}{number}{quote}, "issues": 1}}'
    found = repair(RECORD_KINDS[REPOS], line.encode())
    most = repair(RECORD_KINDS[REPOS], line.replace(number, "9" * 15).encode())

    assert (found.record.stars, found.record.issues) == (0, 1)
    assert [(each.check, each.field, str(each.value)[:16]) for each in found.faults] == [
        ("schema_conformity", "stars", "9" * 16)
    ]
    assert (most.record.stars, most.faults) == (10**15 - 1, ())


def test_a_number_of_too_many_digits_elsewhere_harms_nothing_else() -> None:
    number = "9" * 5_000
    record = (
        f'{{"name": "a", "description": null, "language": null, "stars": 1, "issues": 1, "x": [{number}]}}'
    )

    assert repair(RECORD_KINDS[REPOS], record.encode()).faults == ()
    assert parse_members(record.encode())["x"] == f"[{number}]"
    with pytest.raises(InvalidRecordError, match="is not a JSON object"):
        parse_members(f"[{number}]".encode())


def test_a_flawed_record_is_understood_as_far_as_it_goes() -> None:
    found = repair(
        RECORD_KINDS[REPOS],
        b'{"name": 7, "owner": null, "stars": "many", "language": 3, "topics": "x", "description": [1]}',
    )
    kept = {"name": "7", "owner": None, "stars": 0, "language": "3", "updated_at": None, "topics": ("x",)}
    assert {name: getattr(found.record, name) for name in kept} == kept
    assert [(each.check, each.field, each.problem) for each in found.faults] == [
        ("schema_conformity", "description", "is not a text"),
        ("schema_conformity", "stars", "is not a whole number from 0 with at most 15 digits"),
        ("completeness", "issues", "is missing"),
        ("schema_conformity", "issues", "is missing"),
    ]


def test_a_flawed_record_still_makes_a_document_that_glean_would_take() -> None:
    documents, _ = populate([{"page_id": 5}])
    assert documents == [
        {
            "type": "confluence_pages",
            "id": "5",
            "title": "5",
            "body": {"mime": "text/html", "text": ""},
            "container": "unknown",
            "author": {"email": "unknown@example.invalid"},
            "url": "https://confluence.acme.example/spaces/unknown/pages/5",
            "readers": ["everyone"],
        }
    ]


# --- instants and titles -------------------------------------------------------------------------------------------

INSTANTS_FOUND = [
    ("2026-05-01T12:00:00Z", NOON),
    ("2026-05-01T14:00:00+02:00", NOON.astimezone(timezone(timedelta(hours=2)))),
    ("2026-05-01T12:00:00.000+0000", NOON),
    ("2026-05-01 12:00:00", NOON.replace(tzinfo=None)),
    ("2026-05-01", datetime(2026, 5, 1)),  # noqa: DTZ001 - a day has no zone
    (" 1777636800 ", NOON),
    ("1777636800.000000", NOON),
    (1777636800, NOON),
    (1777636800000, NOON),
    (1777636800.0, NOON),
    (True, None),
    (None, None),
    ("", None),
    ("yesterday", None),
    ("last-week", None),
    ("nan", None),
    ("inf", None),
    (1e300, None),
]


@pytest.mark.parametrize(("found", "expected"), INSTANTS_FOUND)
def test_an_instant_is_read_however_it_is_written(found: object, expected: datetime | None) -> None:
    assert parse_timestamp(found) == expected


def test_a_long_text_gives_a_short_title() -> None:
    assert headline("Short") == "Short"
    assert headline("Two\n lines") == "Two lines"
    title = headline("word " * 100)
    assert title == "word " * 15 + "word…"
    assert headline("x" * 500) == headline(" " + "x" * 500)[1:-1] + "x…" == "x" * 80 + "…"


# --- values that are harmless -------------------------------------------------------------------------------------

HARMLESS: list[tuple[DatasetType, dict[str, Any], dict[str, Any]]] = [
    (PAGES, {"title": 5.0}, {"title": "5"}),
    (PAGES, {"page_id": 1001.0}, {"id": "1001"}),
    (ISSUES, {"summary": {"value": "Lag"}}, {"title": "Lag"}),
    (
        ISSUES,
        {
            "description": {
                "type": "doc",
                "content": [{"type": "paragraph", "content": [{"type": "text", "text": "It lags."}]}],
            }
        },
        {"body": {"mime": "text/plain", "text": "It lags."}},
    ),
    (
        REPOS,
        {"description": "", "language": "", "stars": {"totalCount": 3}, "readme": ""},
        {"body": {"mime": "text/markdown", "text": ""}, "properties": {"stars": 3, "issues": 0}},
    ),
    (
        REPOS,
        {"readme": ""},
        {"body": {"mime": "text/markdown", "text": "Keeps the books"}},
    ),
]


@pytest.mark.parametrize(("dataset_type", "changes", "expected"), HARMLESS)
def test_a_value_that_can_mean_one_thing_only_is_read(
    dataset_type: DatasetType, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    documents, content = populate([template_record(dataset_type, **changes)], dataset_type)
    assert (documents, content.report.score) == ([DOCUMENTS[dataset_type] | expected], 100.0)
