"""What Glean would refuse when documents are pushed is found while the records are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from domain.content.checks import duplicates
from domain.content.population import ConnectorFacts, Population
from domain.content.population.limits import MAX_DOCUMENT_BYTES
from domain.errors import TemplateInvalidError
from server.adapters.glean.admin.documents import encode_admin_document
from server.adapters.glean.admin.wire import PAGE_BYTES as ADMIN_PAGE_BYTES
from server.adapters.glean.indexing.documents import DocumentEncoder
from server.adapters.glean.indexing.wire import PAGE_BYTES as INDEXING_PAGE_BYTES
from tests.support.content.records import (
    ISSUES,
    MESSAGES,
    NOW,
    PAGES,
    REPOS,
    SITES,
    populate,
    populate_lines,
    record_stream,
    template,
    template_record,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.model.enums import DatasetType


def population(
    dataset_type: DatasetType, sites: Mapping[DatasetType, str] = SITES, **changes: Any
) -> Population:
    """A population for a connector whose settings list the containers, so that any name may stand in a record."""
    return Population(
        template(dataset_type, **changes),
        dataset_type=dataset_type,
        wanted=None,
        sites=sites,
        now=NOW,
        progress=lambda _done, _total: None,
        connector=ConnectorFacts(lists_containers=True),
    )


def catch_refusal(
    dataset_type: DatasetType, *records: dict[str, Any], **changes: Any
) -> TemplateInvalidError:
    with pytest.raises(TemplateInvalidError) as found:
        list(population(dataset_type, **changes).stream_documents(record_stream(list(records), batch=10)))
    return found.value


LARGE = "a" * MAX_DOCUMENT_BYTES


@pytest.mark.parametrize(
    ("dataset_type", "changes", "field"),
    [
        (PAGES, {"body": LARGE}, "body"),
        (PAGES, {"title": LARGE}, "title"),
        (PAGES, {"labels": ["x", LARGE]}, "labels"),
        (PAGES, {"references": [LARGE]}, "parent_id or references"),
        (PAGES, {"url": f"https://a.example/{LARGE}"}, "url"),
        (PAGES, {"author_name": LARGE[::2] + "b"}, "author_email"),
        (REPOS, {"readme": LARGE}, "readme"),
        (REPOS, {"description": LARGE}, "description"),
        (MESSAGES, {"text": LARGE}, "text"),
        (MESSAGES, {"channel": LARGE, "url": "https://a.example"}, "channel"),
        (ISSUES, {"description": LARGE}, "description"),
    ],
)
def test_a_record_that_makes_too_large_a_document_names_its_largest_field(
    dataset_type: DatasetType, changes: dict[str, Any], field: str
) -> None:
    error = catch_refusal(
        dataset_type, template_record(dataset_type, 1), template_record(dataset_type, 2, **changes)
    )
    assert (error.facts["file"], error.facts["position"], error.facts["record_field"]) == (
        template(dataset_type).source,
        2,
        field,
    )
    assert "record 2 makes a document of 5,0" in error.message
    assert f"; Glean takes at most 5,000,000. Most of it is its {field} " in error.message
    assert len(error.message) < 400


def test_a_record_is_as_large_for_one_client_as_for_another() -> None:
    record = template_record(PAGES, 1, body=LARGE)
    longer = {each: f"{site}/of-a-client-with-a-longer-name" for each, site in SITES.items()}
    assert catch_refusal(PAGES, record).message == catch_refusal(PAGES, record, sites=longer).message


def test_a_large_document_is_found_behind_duplicates_and_where_it_was_held_back_itself() -> None:
    first, second = template_record(PAGES, 1), template_record(PAGES, 2)
    assert catch_refusal(PAGES, first, first, second | {"body": LARGE}).facts["position"] == 3
    documents, content = populate([first, first | {"body": LARGE}])
    assert (len(documents), content.report.checks[2].failed) == (1, 1)


def test_a_record_that_was_held_back_and_is_no_duplicate_is_measured_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        duplicates.DuplicateDetector, "_find_repeated", lambda _self, hashes: [len(hashes) - 1]
    )
    first, second = template_record(PAGES, 1), template_record(PAGES, 2, body=LARGE)
    assert catch_refusal(PAGES, first, second).facts["position"] == 2


@pytest.mark.parametrize("author", ["", "a" * 2_000_000])
def test_the_largest_document_that_is_taken_fits_a_page_of_either_dialect(author: str) -> None:
    record = template_record(PAGES, 1, author_name=author or None, body="")
    record["body"] = "a"
    [smallest], _ = populate_lines([record])
    room = MAX_DOCUMENT_BYTES - len(smallest) - len(f'{{"email":"ada@acme.example","name":"{author}"}}') + 10
    room += len(SITES[PAGES])
    [line], _ = populate_lines([record | {"body": "a" * (room - 20)}])
    assert len(encode_admin_document(line)) <= ADMIN_PAGE_BYTES
    assert len(DocumentEncoder("acme", SITES[PAGES]).encode(line)) <= INDEXING_PAGE_BYTES
    catch_refusal(PAGES, record | {"body": "a" * (room + 20)})


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (template_record(REPOS, 2, owner=None, full_name=f"{'o' * 200}/ledger-2"), {}),
        (template_record(REPOS, 2, owner=None), {"custom_fields": {"organization": "o" * 200}}),
    ],
)
def test_an_id_that_its_parts_make_too_long_names_the_record(
    record: dict[str, Any], changes: dict[str, Any]
) -> None:
    error = catch_refusal(REPOS, template_record(REPOS, 1), record, **changes)
    assert (error.facts["position"], error.facts["record_field"]) == (2, "name")
    assert "record 2 makes an id of 209 characters; Glean takes at most 200" in error.message
    assert f'"{"o" * 80}…"' in error.message


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_at_the_end_of_the_calendar_is_a_finding(instant: str) -> None:
    _, content = populate([template_record(PAGES, 1), template_record(PAGES, 2, last_modified=instant)])
    assert [each.check for each in content.report.checks if each.failed] == ["timestamps"]
