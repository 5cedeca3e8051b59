from __future__ import annotations

import pytest
from reference.errors import PAGE, render_page
from reference.events import PAGE, SCHEMA
from reference.pages import FOLDER, PAGES
from reference.tools import PAGE, render_page

from domain.errors import ERRORS_BY_CODE
from tools.toolsets import select_tools


@pytest.mark.parametrize("name", [PAGE, PAGE, SCHEMA, PAGE])
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_error_is_on_the_page_once_with_its_meaning() -> None:
    page = render_page()
    assert {code: page.count(f"\n| `{code}` |") for code in ERRORS_BY_CODE} == dict.fromkeys(
        ERRORS_BY_CODE, 1
    )


def test_every_argument_is_on_the_page() -> None:
    page = render_page()
    for each in select_tools():
        assert f"\n## {each.name}\n" in page
        assert [name for name in each.parameters["properties"] if f"| `{name}` |" not in page] == []
