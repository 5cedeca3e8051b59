from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from domain.content.checks import CHECK_WEIGHTS
from domain.errors import ERRORS_BY_CODE
from domain.model.enums import TRANSITIONS, DatasetStatus
from server.sandbox.admin_api.operations import ADMIN_OPERATIONS
from tests.support.content.docs_pages import CHECKOUT, Page, load_page, load_pages
from tools.toolsets import TOOLSETS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("each", load_pages(), ids=lambda each: each.name)
def test_every_link_leads_somewhere(each: Page) -> None:
    def broken_links() -> Iterator[str]:
        for link in each.links:
            file, _, anchor = link.partition("#")
            target = (each.path.parent / file).resolve() if file else each.path
            if not target.exists() or (anchor and anchor not in Page(target).anchors):
                yield link

    assert list(broken_links()) == []


@pytest.mark.parametrize("each", load_pages(), ids=lambda each: each.name)
def test_what_is_shown_as_output_is_said_to_be(each: Page) -> None:
    assert [fence.text for fence in each.code_blocks("console") if not fence.text.startswith("$ ")] == []
    assert [fence.before for fence in each.code_blocks("text") if "output" not in fence.before] == []


def test_every_guide_is_in_the_index_and_linked_from_the_readme() -> None:
    guides = sorted(each.name for each in (CHECKOUT / "docs").glob("*.md") if each.name != "README.md")

    assert set(guides) <= set(load_page("docs/README.md").links)
    assert {f"docs/{each}" for each in guides} <= set(load_page("README.md").links)


def test_the_status_diagram_is_the_table_of_transitions() -> None:
    (diagram,) = load_page("README.md").code_blocks("mermaid")
    arrows = re.findall(r"^    (\S+) --> (\S+)(?: : (.+))?$", diagram.text, re.MULTILINE)

    assert len(arrows) == len(diagram.text.splitlines()) - 1
    assert {(start, end) for start, end, label in arrows if not label and "[*]" not in (start, end)} == {
        (start.value, end.value) for start, ends in TRANSITIONS.items() for end in ends
    }
    assert {(start, end) for start, end, label in arrows if label == "given back"} == {
        ("teardown", start.value) for start, ends in TRANSITIONS.items() if DatasetStatus.TEARDOWN in ends
    }


def test_every_error_code_has_its_heading_and_nothing_else_has_one() -> None:
    headings = re.findall(r"^### `(\w+)`$", load_page("docs/troubleshooting.md").text, re.MULTILINE)

    assert sorted(headings) == sorted(ERRORS_BY_CODE)


def test_every_tool_is_in_the_readmes_table() -> None:
    names = re.findall(r"^\| \[`(\w+)`\]", load_page("README.md").text, re.MULTILINE)

    assert sorted(names) == sorted(each.name for each in TOOLSETS["datasets"])


def test_every_quality_check_is_told_with_its_weight() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", load_page("docs/provisioning.md").text, re.MULTILINE)

    assert {name: int(weight) for name, weight in rows} == CHECK_WEIGHTS


def test_every_call_of_the_admin_api_is_told() -> None:
    rows = re.findall(
        r"^\| `([\w.]+)` \| `([A-Z]+) (\S+)` \|", load_page("docs/glean-admin-api.md").text, re.MULTILINE
    )

    assert sorted(rows) == sorted((each.name, each.method, each.path) for each in ADMIN_OPERATIONS)
