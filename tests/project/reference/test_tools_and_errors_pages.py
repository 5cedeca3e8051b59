from __future__ import annotations

import pytest
from reference import errors, events, tools
from reference.pages import FOLDER, PAGES

from domain.errors import ERRORS_BY_CODE
from tools.toolsets import select_tools


@pytest.mark.parametrize("name", [errors.PAGE, events.PAGE, events.SCHEMA, tools.PAGE])
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_error_is_on_the_page_once_with_its_meaning() -> None:
    page = errors.render_page()
    assert {code: page.count(f"\n| `{code}` |") for code in ERRORS_BY_CODE} == dict.fromkeys(
        ERRORS_BY_CODE, 1
    )


def test_every_argument_is_on_the_page() -> None:
    page = tools.render_page()
    for each in select_tools():
        assert f"\n## {each.name}\n" in page
        assert [name for name in each.parameters["properties"] if f"| `{name}` |" not in page] == []
