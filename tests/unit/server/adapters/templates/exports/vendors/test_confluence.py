"""Confluence's REST answers v1 and v2, and its space export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from domain.errors import ExportInvalidError
from tests.support.content.exports import (
    confluence_page,
    confluence_page_v2,
    entities_xml,
    import_records,
    write_zip,
    xml_body,
    xml_page,
)

if TYPE_CHECKING:
    from pathlib import Path

GONE = '<ri:page ri:content-title="Gone" />'
LINK = '<ac:link><ri:page ri:content-title="On &amp; call" ri:space-key="OPS" /></ac:link>'


def test_a_page_of_the_first_rest_api_is_a_record(tmp_path: Path) -> None:
    body = f'<p>{LINK} <a href="https://vega.atlassian.net/browse/PAY-1">PAY-1</a></p>'
    pages = [
        confluence_page(
            "2", "Refunds", body, ancestors=[{"id": "9"}, {"id": "1"}], extensions={"position": 1}
        ),
        confluence_page("1", "On & call", ancestors=[{"id": "9"}]),
        None,
        confluence_page("1", "On & call"),
    ]
    answer = {"results": pages, "_links": {"base": "https://vega.atlassian.net/wiki"}}
    (refunds, _), report = import_records(tmp_path, "confluence-rest", json.dumps(answer))

    assert refunds == {
        "page_id": "2",
        "title": "Refunds",
        "body": '<p><a href="{{site:confluence_pages}}/spaces/OPS/pages/1">On &amp; call</a> '
        '<a href="{{site:jira_issues}}/browse/PAY-1">PAY-1</a></p>',
        "space_key": "OPS",
        "author_email": "kim-vega@people.example",
        "last_modified": "2024-03-12T14:05:00Z",
        "parent_id": "1",
        "labels": ["runbook"],
        "created": "2024-01-10T08:00:00Z",
        "author_name": "Kim Vega",
    }
    assert report.unread == {"extensions": 1}
    assert report.dropped == {
        "reference to a parent that is not in the export": 1,
        "null in place of a page": 1,
        "page that is in the export a second time": 1,
    }


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ('<ac:link><ri:page ri:content-title="Gone" /></ac:link>', "Gone"),
        (
            f"<ac:link>{GONE}<ac:plain-text-link-body><![CDATA[a < b]]></ac:plain-text-link-body></ac:link>",
            "a &lt; b",
        ),
        (
            '<ac:link><ri:page ri:content-title="Gone" /><ac:link-body><b>it</b></ac:link-body></ac:link>',
            "<b>it</b>",
        ),
        ('<ac:link><ri:user ri:account-id="acc-1" />me</ac:link>', "me"),
        ("<ac:link>left open", "left open"),
    ],
)
def test_a_link_that_leads_nowhere_is_its_text(tmp_path: Path, link: str, text: str) -> None:
    answer = {"results": [confluence_page("1", "Refunds", f"<p>{link}</p>")]}
    (record,), _ = import_records(tmp_path, "confluence-rest", json.dumps(answer))

    assert record["body"] == f"<p>{text}</p>"


def test_a_page_of_the_second_rest_api_is_a_record(tmp_path: Path) -> None:
    document = {
        "type": "doc",
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": "a < b"}]}],
    }
    pages = [
        confluence_page_v2("2", "Refunds", parentId="1", labels={"results": [{"name": "runbook"}, {}]}),
        confluence_page_v2(
            "1", "Home", _links={}, body={"atlas_doc_format": {"value": json.dumps(document)}}
        ),
        confluence_page_v2("3", "Empty", body={"storage": {"value": ""}}),
    ]
    content = "".join(json.dumps({"results": [each], "_links": {}}) for each in pages)
    (refunds, home, empty), report = import_records(tmp_path, "confluence-rest", content)

    assert refunds == {
        "page_id": "2",
        "title": "Refunds",
        "body": "<p>Text</p>",
        "space_key": "OPS",
        "author_email": "acc-1@people.example",
        "last_modified": "2024-03-12T14:05:00Z",
        "parent_id": "1",
        "labels": ["runbook"],
        "created": "2024-01-10T08:00:00Z",
    }
    assert (home["space_key"], home["body"]) == ("65538", "<p>a &lt; b</p>")
    assert empty["body"] is None
    assert report.notes == {"page without text": 1}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": "draft"}, "draft"),
        ({"status": "archived"}, "archived page"),
        ({"status": "trashed"}, "page in the trash"),
        ({"status": "historical"}, "old version of a page"),
        ({"type": "comment"}, "comment"),
        ({"type": "whiteboard"}, "other content (such as a folder or whiteboard)"),
    ],
)
def test_what_confluence_itself_does_not_show_is_dropped(
    tmp_path: Path, more: dict[str, str], reason: str
) -> None:
    answer = [confluence_page("1", "Refunds"), confluence_page("2", "Other", **more)]
    records, report = import_records(tmp_path, "confluence-rest", json.dumps(answer))

    assert [each["page_id"] for each in records] == ["1"]
    assert report.dropped == {reason: 1}


def test_a_page_by_itself_is_taken(tmp_path: Path) -> None:
    page = confluence_page("1", "News", type="blogpost")

    assert len(import_records(tmp_path, "confluence-rest", json.dumps(page))[0]) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"results": [{"id": "1"}]}, "no id or no title"),
        ({"results": [{"id": "1", "title": "a", "version": "x"}]}, "has no body"),
        ({"results": ["x"]}, "no id or no title"),
        (
            {"results": [confluence_page_v2("1", "a", body={"atlas_doc_format": {"value": "{"}})]},
            "is not JSON",
        ),
        ({"results": []}, "holds no record"),
    ],
)
def test_an_answer_that_is_none_of_confluences_is_refused(
    tmp_path: Path, content: object, problem: str
) -> None:
    with pytest.raises(ExportInvalidError, match=problem):
        import_records(tmp_path, "confluence-rest", json.dumps(content))


OLD = '<property name="originalVersion" class="Page"><id name="id">1</id></property>'
PARENT = '<property name="parent" class="Page"><id name="id">1</id></property>'
NOBODY = '<property name="creator" class="X"><id name="key">gone</id></property>'
LABELLING = """<object class="Labelling"><id name="id">21</id>
<property name="label" class="Label"><id name="id">20</id></property>
<property name="content" class="Page"><id name="id">1</id></property></object>"""
SPACE = entities_xml(
    xml_body("1", "<p>One ]] > two</p>"),
    xml_page("1", "Refunds\x0b"),
    xml_page("2", "On call", more=PARENT),
    xml_body("2", '<p><ac:link><ri:page ri:content-title="Refunds" /></ac:link></p>'),
    xml_page("3", "News", kind="BlogPost", more=NOBODY),
    xml_page("4", "Old", more=OLD),
    xml_page("5", "Draft", status="draft"),
    xml_page("6", "Gone", status="deleted"),
    xml_page("7", ""),
    '<object class="Comment"><id name="id">8</id></object>',
    xml_body("8", "A comment"),
    '<object class="Attachment"><id name="id">9</id></object>',
    '<object class="Label"><id name="id">20</id><property name="name"><![CDATA[runbook]]></property></object>',
    LABELLING,
    '<object class="SpacePermission"><id name="id">30</id></object>',
    "<other><id>1</id></other>",
)


def test_the_pages_of_a_space_export_are_records(tmp_path: Path) -> None:
    records, report = import_records(tmp_path, "confluence-xml", SPACE)
    by_id = {each["page_id"]: each for each in records}

    assert by_id["1"] == {
        "page_id": "1",
        "title": "Refunds",
        "body": "<p>One ]]> two</p>",
        "space_key": "OPS",
        "author_email": "kim@vega.example",
        "last_modified": "2024-03-12T14:05:00Z",
        "labels": ["runbook"],
        "created": "2024-01-10T08:00:00Z",
        "author_name": "Kim Vega",
    }
    assert by_id["2"]["body"] == '<p><a href="{{site:confluence_pages}}/spaces/OPS/pages/1">Refunds</a></p>'
    assert by_id["2"]["parent_id"] == "1"
    assert (by_id["3"]["body"], by_id["3"]["author_email"]) == (None, "gone@people.example")
    assert set(by_id) == {"1", "2", "3"}
    assert report.dropped == {
        "old version of a page": 1,
        "draft": 1,
        "page in the trash": 1,
        "page without a title": 1,
        "comment": 1,
        "attachment": 1,
    }
    assert report.unread == {"SpacePermission": 1}


def test_a_space_export_is_a_zip(tmp_path: Path) -> None:
    files = {"entities.xml": SPACE, "exportDescriptor.properties": "exportType=space", "attachments/9/1": "x"}

    assert len(import_records(tmp_path, "confluence-xml", write_zip(tmp_path / "a.zip", files))[0]) == 3


def test_a_page_of_a_space_that_is_not_in_the_export_keeps_its_number(tmp_path: Path) -> None:
    content = entities_xml(
        '<object class="Space"><id name="id">2</id><property name="key">TWO</property></object>',
        xml_page("1", "Refunds").replace("65538", "77"),
    )

    assert import_records(tmp_path, "confluence-xml", content)[0][0]["space_key"] == "77"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<rss/>", "begins with <rss>"),
        (SPACE[:-40], "cut off"),
        (SPACE.replace("</object>", "</objekt>", 1), "is not XML in line"),
        (
            SPACE.replace("<hibernate-generic", '<!DOCTYPE x [<!ENTITY a "b">]><hibernate-generic', 1),
            "declares a document type",
        ),
        (entities_xml(), "holds no record"),
    ],
)
def test_a_space_export_that_is_none_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(ExportInvalidError, match=problem):
        import_records(tmp_path, "confluence-xml", content)


def test_a_zip_without_entities_is_refused(tmp_path: Path) -> None:
    source = write_zip(tmp_path / "a.zip", {"index.html": "", "a.html": ""})

    with pytest.raises(ExportInvalidError, match=r"has no entities\.xml"):
        import_records(tmp_path, "confluence-xml", source)
