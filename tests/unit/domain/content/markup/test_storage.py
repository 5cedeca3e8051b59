"""Confluence's storage format becomes clean HTML, in which nothing is Confluence's own and no text is lost."""

from __future__ import annotations

import pytest

from domain.content.markup import html_to_text, storage_to_html


def macro(name: str, content: str) -> str:
    return f'<ac:structured-macro ac:name="{name}" ac:schema-version="1">{content}</ac:structured-macro>'


def parameter(name: str, value: str) -> str:
    return f'<ac:parameter ac:name="{name}">{value}</ac:parameter>'


def plain(text: str) -> str:
    return f"<ac:plain-text-body><![CDATA[{text}]]></ac:plain-text-body>"


def rich(html: str) -> str:
    return f"<ac:rich-text-body>{html}</ac:rich-text-body>"


@pytest.mark.parametrize(
    ("storage", "html"),
    [
        (
            macro("code", parameter("language", "sh") + plain("a < b && c")),
            "<pre>a &lt; b &amp;&amp; c</pre>",
        ),
        (
            macro("noformat", parameter("title", "Log") + plain("x")),
            "<p><strong>Log</strong></p><pre>x</pre>",
        ),
        (macro("info", rich("<p>x</p>")), "<blockquote><p>x</p></blockquote>"),
        (
            macro("panel", parameter("title", "A &amp; B") + rich("x")),
            "<blockquote><p><strong>A &amp; B</strong></p>x</blockquote>",
        ),
        (
            macro("expand", parameter("title", "More") + rich("x")),
            "<details open><summary>More</summary>x</details>",
        ),
        (macro("expand", rich("x")), "<div>x</div>"),
        (macro("toc", parameter("maxLevel", "3")), ""),
        (macro("status", parameter("colour", "Green") + parameter("title", "DONE")), "<strong>DONE</strong>"),
        (macro("jira", parameter("server", "s") + parameter("key", "PAY-1")), "PAY-1"),
        (macro("drawio", parameter("diagramName", "flow")), "flow"),
        (
            macro("include", parameter("", '<ac:link><ri:page ri:content-title="On call" /></ac:link>')),
            "On call",
        ),
        (macro("view-file", parameter("name", '<ri:attachment ri:filename="a.pdf" />')), ""),
        (macro("somebodys", rich("<p>kept</p>")), "<p>kept</p>"),
        (macro("somebodys", plain("kept")), "<pre>kept</pre>"),
        (macro("somebodys", "<b>kept</b>"), "<b>kept</b>"),
        (macro("info", rich(macro("code", plain("x")))), "<blockquote><pre>x</pre></blockquote>"),
        ('<ac:macro ac:name="info">' + rich("x") + "</ac:macro>", "<blockquote>x</blockquote>"),
    ],
)
def test_a_macro_keeps_what_a_reader_sees_of_it(storage: str, html: str) -> None:
    assert storage_to_html(f"<p>a</p>{storage}<p>b</p>") == f"<p>a</p>{html}<p>b</p>"


@pytest.mark.parametrize(
    ("storage", "text"),
    [
        ('<ac:link><ri:page ri:space-key="OPS" ri:content-title="A &amp; B" /></ac:link>', "A & B"),
        (
            '<ac:link><ri:page ri:content-title="T" />'  # noqa: ISC004 - one value in two lines
            "<ac:plain-text-link-body><![CDATA[see <T>]]></ac:plain-text-link-body></ac:link>",
            "see <T>",
        ),
        (
            '<ac:link><ri:page ri:content-title="T"/><ac:link-body><b>rich</b></ac:link-body></ac:link>',
            "rich",
        ),
        ('<ac:link><ri:user ri:account-id="5b10" /></ac:link>', "@Mira Okafor"),
        ('<ac:link><ri:user ri:userkey="unknown" /></ac:link>', "@unknown"),
        ('<ac:link><ri:url ri:value="https://example.com/x" /></ac:link>', "https://example.com/x"),
        (
            '<ac:link><ri:attachment ri:filename="a.png"><ri:page ri:content-title="T"/></ri:attachment></ac:link>',
            "a.png",
        ),
        ('<ac:link ac:anchor="below" />', "below"),
        ("<ac:link><ri:page /></ac:link>", ""),
        ('<ac:image ac:alt="The flow"><ri:attachment ri:filename="a.png" /></ac:image>', "The flow"),
        ('<ac:image><ri:attachment ri:filename="a.png" /></ac:image>', "a.png"),
        ('<ac:emoticon ac:name="tick" />', "✅"),
        (
            '<ac:emoticon ac:name="blue-star" ac:emoji-shortname=":rocket:" ac:emoji-fallback=":rocket:" />',
            "🚀",
        ),
        ('<ac:emoticon ac:name="blue-star" ac:emoji-fallback="🚀" />', "🚀"),
        ('<ac:emoticon ac:name="their-own" />', ":their-own:"),
        ("<ac:emoticon />", ""),
        ('<time datetime="2024-03-12" />', "2024-03-12"),
        ("<ac:placeholder>type here</ac:placeholder>", ""),
        ("<at:declarations><at:string at:name='x'/></at:declarations>", ""),
        ('<ac:inline-comment-marker ac:ref="1">marked</ac:inline-comment-marker>', "marked"),
        ("<ac:unknown>kept</ac:unknown>", "kept"),
        ("<ri:page ri:content-title='alone' />", ""),
        ("<![CDATA[<b> & c]]>", "<b> & c"),
    ],
)
def test_a_link_shows_its_text_or_what_it_leads_to(storage: str, text: str) -> None:
    html = storage_to_html(f"<p>a[{storage}]b</p>", {"5b10": "Mira Okafor"})
    assert html_to_text(html) == f"a[{text}]b"
    assert "<ac:" not in html


def test_tasks_are_a_list_with_boxes() -> None:
    status = "<ac:task-id>1</ac:task-id><ac:task-status>{}</ac:task-status>"
    task = f"<ac:task>{status}<ac:task-body>{{}}</ac:task-body></ac:task>"
    tasks = task.format("complete", "one") + task.format("incomplete", "two")
    assert storage_to_html(f"<ac:task-list>{tasks}</ac:task-list>") == "<ul><li>☑ one</li><li>☐ two</li></ul>"


def test_columns_stand_below_each_other() -> None:
    cells = "<ac:layout-cell><p>left</p></ac:layout-cell><ac:layout-cell><p>right</p></ac:layout-cell>"
    storage = f"<ac:layout><ac:layout-section ac:type='two_equal'>{cells}</ac:layout-section></ac:layout>"
    assert storage_to_html(storage) == "<div><p>left</p></div><div><p>right</p></div>"


def test_an_extension_shows_its_content_and_not_its_fallback_too() -> None:
    content = "<ac:adf-content><p>x</p></ac:adf-content><ac:adf-fallback><p>x</p></ac:adf-fallback>"
    storage = (
        '<ac:adf-extension><ac:adf-node type="panel"><ac:adf-attribute key="panel-type">note</ac:adf-attribute>'
        f"{content}</ac:adf-node></ac:adf-extension>"
    )
    assert storage_to_html(storage) == "<p>x</p>"


def test_elements_that_html_does_not_know_as_empty_are_closed() -> None:
    assert storage_to_html("<ac:x/><td class='a' /><br/></p/>") == "<td class='a'></td><br/></p/>"


@pytest.mark.parametrize(
    ("storage", "html"),
    [
        ("<ac:link><ac:link-body>open", "open"),
        ("</ac:link>closed", "closed"),
        (
            "<ac:structured-macro ac:name='info'><ac:rich-text-body>x</ac:structured-macro>y",
            "<blockquote>x</blockquote>y",
        ),
        ("<ac:plain-text-body>alone</ac:plain-text-body>", "alone"),
        ("<ac:parameter>lost</ac:parameter>kept", "kept"),
    ],
)
def test_broken_storage_format_is_read_as_far_as_it_goes(storage: str, html: str) -> None:
    assert storage_to_html(storage) == html


@pytest.mark.parametrize(
    "text", ["plain", "<p>a &amp; b<br/></p>", "a < b", '<td/><time datetime="x">y</time>', ""]
)
def test_what_is_not_confluences_own_stays_as_it_is(text: str) -> None:
    assert storage_to_html(text) == text
