"""Texts of records as they were exported: markup becomes text, and all else stays to the byte."""

from __future__ import annotations

import msgspec
import pytest

from domain.content.documents import RECORD_KINDS, ClientSite
from domain.content.markup import clean_issue_description, clean_page_body, slack_to_text
from domain.model.enums import DatasetType
from tests.support.content.records import ISSUES, populate, template_record


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("h2. Steps\n{code}x{code}", "Steps\nx"),
        ({"type": "doc", "content": [{"type": "text", "text": "adf"}]}, "adf"),
        ('{"type": "doc", "content": [{"type": "text", "text": "adf"}]}', "adf"),
        ("<p>fees &amp; <b>refunds</b></p>\n", "fees & refunds"),
        ("{color:red}x{color}", "x"),
        ("<p> is not closed", "<p> is not closed"),
        ("{not json}", "{not json}"),
        ("*plain*\n- a  b", "*plain*\n- a  b"),
    ],
)
def test_a_description_becomes_text_where_nobody_could_mistake_it(description: object, shown: str) -> None:
    assert clean_issue_description(description) == shown  # type: ignore[arg-type]


def test_a_page_in_storage_format_becomes_html_and_other_html_stays() -> None:
    assert clean_page_body("<p>a<ac:link><ri:page ri:content-title='b'/></ac:link></p>") == "<p>ab</p>"
    assert clean_page_body("<p>a<br/> <script>") == "<p>a<br/> <script>"


def test_a_message_becomes_what_slack_shows() -> None:
    assert slack_to_text("<@U1> *done* :tada: &amp;") == "@U1 done 🎉 &"
    assert slack_to_text("done, 2 * 3") == "done, 2 * 3"


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_a_document_has_the_text_of_its_record(dataset_type: DatasetType) -> None:
    field, given, shown = {
        DatasetType.CONFLUENCE_PAGES: ("body", "a<ac:emoticon ac:name='tick'/>", "a✅"),
        DatasetType.GITHUB_REPOS: ("readme", "# *as it is*", "# *as it is*"),
        DatasetType.SLACK_MESSAGES: ("text", "<#C1|general> *now*", "#general now"),
        DatasetType.JIRA_ISSUES: ("description", "h1. Now", "Now"),
    }[dataset_type]
    kind = RECORD_KINDS[dataset_type]
    record = kind.decode(msgspec.json.encode(template_record(dataset_type, 1, **{field: given})))
    document = kind.document(record, ClientSite("https://example.com"))
    assert document.body.text == shown
    assert "<" not in document.title


def test_a_description_that_is_an_object_is_no_flaw() -> None:
    adf = {"type": "doc", "version": 1, "content": [{"type": "text", "text": "adf"}]}
    documents, content = populate([template_record(ISSUES, 1, description=adf)], ISSUES)
    assert (documents[0]["body"]["text"], content.report.score) == ("adf", 100.0)
