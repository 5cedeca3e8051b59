"""Exports that were cut off, or in which anything has another type: a typed error or records, never anything else."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ExportInvalidError
from tests.support.content.exports import (
    JIRA_CLOUD,
    confluence_page,
    confluence_page_v2,
    entities_xml,
    github_repository,
    import_records,
    jira_issue,
    slack_files,
    slack_message,
    write_tree,
    xml_body,
    xml_page,
)

T1, T2 = "1710252300.000100", "1710252400.000200"
WHOLE: Final = {
    "jira-csv": JIRA_CLOUD.replace("\n", "\r\n"),
    "jira-rest": json.dumps({"issues": [jira_issue("PAY-1"), jira_issue("PAY-2", parent={"key": "PAY-1"})]}),
    "confluence-rest": json.dumps({"results": [confluence_page("1", "a"), confluence_page_v2("2", "b")]}),
    "confluence-xml": entities_xml(xml_page("1", "a"), xml_body("1", "<p>b</p>")),
    "github": json.dumps([github_repository("a"), github_repository("b")]),
}
ANYTHING: Final[st.SearchStrategy[object]] = st.sampled_from(
    [None, True, 7, -1.5, "", "x", "{{site:x}}", [], [None], {}, {"a": {"b": []}}]
)


@pytest.mark.parametrize("kind", WHOLE)
@given(share=st.floats(0, 1, exclude_max=True))
def test_an_export_that_is_cut_off_is_refused_or_ends_between_records(kind: str, share: float) -> None:
    content = WHOLE[kind].encode()
    with tempfile.TemporaryDirectory() as folder:
        try:
            records, _ = import_records(Path(folder), kind, content[: int(len(content) * share)])
        except ExportInvalidError:
            return
    assert kind == "jira-csv"
    assert records


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, each in inner for found in _places(each, (*path, name)))]


def _replace(value: object, path: tuple[Any, ...], new: object) -> object:
    if not path:
        return new
    changed: Any = copy.copy(value)
    changed[path[0]] = _replace(changed[path[0]], path[1:], new)
    return changed


@pytest.mark.parametrize("kind", ["jira-rest", "confluence-rest", "github"])
@given(st.data())
def test_any_value_may_be_of_any_type(kind: str, data: st.DataObject) -> None:
    document = json.loads(WHOLE[kind])
    document = _replace(document, data.draw(st.sampled_from(_places(document))), data.draw(ANYTHING))
    with tempfile.TemporaryDirectory() as folder:
        try:
            records, _ = import_records(Path(folder), kind, json.dumps(document))
        except ExportInvalidError:
            return
    assert records


BOT = slack_message(
    T2,
    "",
    bot_id="B1",
    bot_profile={"name": "Pager"},
    thread_ts=T1,
    edited={"user": "U1"},
    blocks=[
        {"type": "section", "text": {"text": "a"}, "elements": [{"type": "link", "url": "https://x.example"}]}
    ],
    attachments=[{"text": "b", "fields": [{"title": "c", "value": "d"}], "fallback": "e", "blocks": []}],
    files=[{"title": "f"}],
    user_profile={"real_name": "Kim"},
)
SLACK: Final = slack_files(general__2024_03_12=[slack_message(T1, thread_ts=T1), BOT])


@given(st.data())
def test_any_value_of_a_slack_export_may_be_of_any_type(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SLACK)))
    changed = _replace(SLACK[name], data.draw(st.sampled_from(_places(SLACK[name]))), data.draw(ANYTHING))
    with tempfile.TemporaryDirectory() as folder:
        try:
            import_records(
                Path(folder), "slack-export", write_tree(Path(folder) / "a", {**SLACK, name: changed})
            )
        except ExportInvalidError:
            return
