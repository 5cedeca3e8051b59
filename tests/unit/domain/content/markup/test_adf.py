"""A document in Atlassian Document Format becomes text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.markup import adf_to_text


def doc(*content: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def node(kind: str, *content: Any, **attributes: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content)} | ({"attrs": attributes} if attributes else {})


def text(words: str, *marks: Any) -> dict[str, Any]:
    return {"type": "text", "text": words} | ({"marks": list(marks)} if marks else {})


def paragraph(*content: Any) -> dict[str, Any]:
    return node("paragraph", *(text(each) if isinstance(each, str) else each for each in content))


def item(*content: Any) -> dict[str, Any]:
    return node("listItem", *content)


DAY = node("date", timestamp="1710201600000")
PROGRAM = {"type": "link", "attrs": {"href": " JavaScript:alert(1)"}}
LINK = {"type": "link", "attrs": {"href": "https://example.com/x"}}


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (
            [node("heading", text("Steps"), level=2), paragraph("one"), paragraph("two")],
            "Steps\n\none\n\ntwo",
        ),
        ([paragraph("a", text("b", {"type": "strong"}), "c")], "abc"),
        ([paragraph("due", DAY, "then")], "due 2024-03-12 then"),
        (
            [paragraph("due ", DAY, " (", DAY, "), or", DAY, ".")],
            "due 2024-03-12 (2024-03-12), or 2024-03-12.",
        ),
        ([paragraph(DAY, DAY, node("mention", text="@Kim"), "'s")], "2024-03-12 2024-03-12 @Kim's"),
        (
            [
                paragraph(
                    "is", node("status", text="DONE"), node("inlineCard", url="https://example.com"), "now"
                )
            ],
            "is DONE https://example.com now",
        ),
        ([paragraph("done", node("emoji", text="🎉"), "now")], "done🎉now"),
        ([paragraph(text("the page", PROGRAM))], "the page"),
        ([paragraph(text("the page", LINK))], "the page (https://example.com/x)"),
        ([paragraph(text("https://example.com/x", {"type": "em"}, LINK))], "https://example.com/x"),
        ([paragraph(text("x", {"type": "link", "attrs": {}}, {"type": "link"}, "odd"))], "x"),
        ([paragraph("a", node("hardBreak"), "b")], "a\nb"),
        (
            [node("codeBlock", text("x = 1\ny"), language="py"), node("blockquote", paragraph("q"))],
            "x = 1\ny\n\nq",
        ),
        (
            [node("panel", paragraph("p"), panelType="info"), node("rule"), paragraph("end")],
            "p\n\n---\n\nend",
        ),
        (
            [
                node(
                    "bulletList",
                    item(paragraph("a"), node("bulletList", item(paragraph("b")))),
                    item(paragraph("c")),
                )
            ],
            "- a\n  - b\n- c",
        ),
        (
            [node("orderedList", item(paragraph("a"), paragraph("more")), item(paragraph("b")), order=3)],
            "3. a\nmore\n4. b",
        ),
        ([node("orderedList", item(paragraph("a")), order="x")], "1. a"),
        ([item(paragraph("alone"))], "- alone"),
        (
            [
                node(
                    "taskList",
                    node("taskItem", text("done"), state="DONE"),
                    node("taskItem", text("open"), state="TODO"),
                )
            ],
            "☑ done\n☐ open",
        ),
        ([node("decisionList", node("decisionItem", text("we do")))], "we do"),
        (
            [
                node(
                    "table",
                    node(
                        "tableRow", node("tableHeader", paragraph("a")), node("tableHeader", paragraph("b"))
                    ),
                    node(
                        "tableRow",
                        node("tableCell", paragraph("1"), paragraph("2")),
                        node("tableCell", paragraph("3")),
                    ),
                ),
                paragraph("after"),
            ],
            "a | b\n1 2 | 3\n\nafter",
        ),
        (
            [
                paragraph(
                    node("mention", id="5b10", text="@Mira"), node("mention", id="5b11"), node("mention")
                )
            ],
            "@Mira @5b11",
        ),
        (
            [paragraph(node("emoji", shortName=":tada:", text="🎉"), node("emoji", shortName=":ours:"))],
            "🎉:ours:",
        ),
        (
            [paragraph(node("status", text="DONE", color="green"), node("placeholder", text=" type"))],
            "DONE type",
        ),
        (
            [paragraph(node("date", timestamp="1710201600000"), " ", node("date", timestamp=1710201600000))],
            "2024-03-12 2024-03-12",
        ),
        (
            [paragraph(node("date", timestamp="soon"), node("date"), node("date", timestamp="9" * 99))],
            "soon " + "9" * 99,
        ),
        ([paragraph(node("inlineCard", url="https://example.com"))], "https://example.com"),
        (
            [node("blockCard", url="https://example.com/1"), node("embedCard", url="https://example.com/2")],
            "https://example.com/1\n\nhttps://example.com/2",
        ),
        (
            [node("mediaSingle", node("media", alt="a flow"), node("caption", text("Figure 1")))],
            "a flow\nFigure 1",
        ),
        ([node("mediaGroup", node("media", id="x")), paragraph(node("mediaInline", alt="b.png"))], "b.png"),
        (
            [node("expand", paragraph("inside"), title="More"), node("nestedExpand", paragraph("x"))],
            "More\n\ninside\n\nx",
        ),
        (
            [
                node(
                    "layoutSection",
                    node("layoutColumn", paragraph("l")),
                    node("layoutColumn", paragraph("r")),
                )
            ],
            "l\n\nr",
        ),
        ([node("extension", text="fallback"), node("bodiedExtension", paragraph("b"))], "fallback\n\nb"),
        ([paragraph(node("inlineExtension", text="inline"))], "inline"),
        ([node("unheardOf", paragraph("kept")), {"type": "alien", "text": "kept too"}], "kept\n\nkept too"),
        (
            [{"content": [text("no type")]}, "no node", None, {"type": 7, "content": "x", "attrs": []}],
            "no type",
        ),
    ],
)
def test_each_kind_of_node_is_shown(content: list[Any], shown: str) -> None:
    assert adf_to_text(doc(*content)) == shown
    assert adf_to_text(json.dumps(doc(*content))) == shown


@pytest.mark.parametrize(
    "other",
    [
        "plain",
        "{code}x{code}",
        '{"type": "doc"}',
        '{"type": "doc", "content": [',
        '{"a": "doc"}',
        '["doc"]',
        '{"doc": "\ud800',
    ],
)
def test_a_text_that_is_no_document_stays_as_it_is(other: str) -> None:
    assert adf_to_text(other) == other


@pytest.mark.parametrize("other", [None, 7, [], {}, {"type": "doc", "content": None}])
def test_what_holds_no_text_has_none(other: object) -> None:
    assert adf_to_text(other) == ""


def test_a_document_that_is_nested_too_deeply_for_json_stays_as_it_is() -> None:
    deep = '{"type":"doc","content":[' * 100_000
    assert adf_to_text(deep + "]}" * 100_000).startswith('{"type":"doc"')


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "listItem", "orderedList", "tableCell", "date", "expand"])},
            optional={"content": inner, "text": inner, "attrs": inner, "marks": inner, "order": inner},
        ),
    ),
)


@given(VALUES)
def test_no_value_is_an_error(value: object) -> None:
    assert isinstance(adf_to_text(value), str)
    assert isinstance(adf_to_text({"type": "doc", "content": [value]}), str)
