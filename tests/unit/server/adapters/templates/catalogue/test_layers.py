"""Several repositories lie over one another: of one id, the first serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.content import choose_template
from domain.errors import MockDataMissingError, TemplateInvalidError
from domain.model import Client, TemplateMatch
from server.adapters.templates import LayeredTemplates, RepositoryTemplates
from tests.support.content.repository_files import PAGES, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from pathlib import Path

    from domain.model import Template

SHARED = "fintech/dev/confluence_pages.jsonl"
CLIENT = Client(client_id="acme", name="Acme", industry="fintech", use_case="dev")


@pytest.fixture
def first(tmp_path: Path) -> RepositoryFiles:
    return RepositoryFiles(tmp_path / "first")


@pytest.fixture
def second(tmp_path: Path) -> RepositoryFiles:
    return RepositoryFiles(tmp_path / "second")


def layered(first: RepositoryFiles, second: RepositoryFiles) -> LayeredTemplates:
    return LayeredTemplates(
        {"ours": RepositoryTemplates(first.root), "bundled": RepositoryTemplates(second.root)}
    )


async def test_of_one_id_the_first_repository_serves_and_the_other_is_shadowed(
    first: RepositoryFiles, second: RepositoryFiles
) -> None:
    first.write(SHARED, lines(pages(2)))
    second.write(SHARED, lines(pages(3)))
    second.write("retail/support/confluence_pages.jsonl", lines(pages(4)))
    templates = layered(first, second)
    overview = await templates.survey()
    assert [(each.template_id, each.repository) for each in overview.templates] == [
        ("fintech/dev/confluence_pages", "ours"),
        ("retail/support/confluence_pages", "bundled"),
    ]
    assert overview.shadowed == {"fintech/dev/confluence_pages": ("bundled",)}
    assert overview.notices == ()
    assert [await templates.count_records(each, 10) for each in await templates.list()] == [2, 4]
    assert [_count(templates, each) for each in overview.templates] == [2, 4]


def _count(templates: LayeredTemplates, template: Template) -> int:
    with templates.open_records(template) as stream:
        return sum(map(len, stream))


async def test_a_default_of_ones_own_comes_before_a_bundled_template_that_fits_better(
    first: RepositoryFiles, second: RepositoryFiles
) -> None:
    first.write("default/default/confluence_pages.jsonl", lines(pages()))
    second.write(SHARED, lines(pages()))
    found = await layered(first, second).list()
    template, choice = choose_template(found, CLIENT, PAGES, None)
    assert (template.repository, choice.match) == ("ours", TemplateMatch.DEFAULT)
    named, _ = choose_template(found, CLIENT, PAGES, "fintech/dev/confluence_pages")
    assert named.repository == "bundled"


async def test_where_ones_own_has_no_match_the_next_repository_serves(
    first: RepositoryFiles, second: RepositoryFiles
) -> None:
    first.write("retail/support/confluence_pages.jsonl", lines(pages()))
    second.write("default/default/confluence_pages.jsonl", lines(pages()))
    template, choice = choose_template(await layered(first, second).list(), CLIENT, PAGES, None)
    assert (template.repository, choice.match) == ("bundled", TemplateMatch.DEFAULT)


async def test_a_broken_template_of_ones_own_hides_the_bundled_one_and_says_that_it_is_broken(
    first: RepositoryFiles, second: RepositoryFiles
) -> None:
    first.write(SHARED, "<xml/>")
    second.write(SHARED, lines(pages()))
    templates = layered(first, second)
    (template,) = await templates.list()
    assert template.repository == "ours"
    with (
        pytest.raises(TemplateInvalidError, match="begins with '<'"),
        templates.open_records(template) as stream,
    ):
        list(stream)


@pytest.mark.parametrize("folder", ["", "first", "first/mock_data/templates"])
async def test_a_missing_repository_is_said_to_be_missing_whatever_lies_below_it(
    first: RepositoryFiles, second: RepositoryFiles, folder: str
) -> None:
    (first.root.parent / folder).mkdir(parents=True, exist_ok=True)
    second.write(SHARED, lines(pages()))
    with pytest.raises(MockDataMissingError, match="first"):
        await layered(first, second).list()


async def test_a_repository_that_was_looked_for_is_told(
    first: RepositoryFiles, second: RepositoryFiles
) -> None:
    first.write(SHARED, lines(pages()))
    second.write(SHARED, lines(pages()))
    overview = await LayeredTemplates(
        {"a": RepositoryTemplates(first.root / "mock_data"), "b": RepositoryTemplates(second.root)}
    ).survey()
    assert ["inside of a repository" in each for each in overview.notices] == [True]
