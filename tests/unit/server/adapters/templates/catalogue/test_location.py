"""The templates of a repository are found where its path is a level too high or too low, and this is said."""

from __future__ import annotations

import posixpath
import zipfile
from typing import TYPE_CHECKING

import pytest

from domain.errors import MockDataMissingError
from server.adapters.templates import RepositoryTemplates, find_templates_folder
from server.adapters.templates.catalogue.location import Location, locate_templates
from tests.support.content.repository_files import SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "fintech/dev/confluence_pages.json"
BESIDE = '{"format_version": 2, "source": {"file": "../../../../shared/pages.jsonl"}}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose template names a file that is not below the folder of templates."""
    files = RepositoryFiles(tmp_path / "above" / "repository")
    files.write(GOOD, BESIDE)
    (files.root / "shared").mkdir()
    (files.root / "shared" / "pages.jsonl").write_text(lines(pages()))
    return files.root


def read(path: Path) -> int:
    templates = RepositoryTemplates(path)
    (template,) = templates.list_templates()
    with templates.open_records(template) as stream:
        return sum(map(len, stream))


def test_a_path_that_leads_to_the_repository_needs_no_notice(root: Path) -> None:
    assert locate_templates(root, SUBDIR) == Location(root, SUBDIR)
    assert read(root) == 3


@pytest.mark.parametrize(
    "below",
    ["mock_data", "mock_data/templates", "mock_data/templates/fintech", "mock_data/templates/fintech/dev"],
)
def test_a_path_into_the_repository_leads_to_it(root: Path, below: str) -> None:
    location = locate_templates(root / below, SUBDIR)
    assert location[:2] == (root, SUBDIR)
    assert "is inside of a repository" in (location.notice or "")
    assert read(root / below) == 3


def test_a_path_to_folders_of_industries_by_any_name_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "fintech" / "dev"
    folder.mkdir(parents=True)
    (folder / "confluence_pages.jsonl").write_text(lines(pages()))
    (tmp_path / "ours" / "README.md").write_text("x")
    location = locate_templates(tmp_path / "ours", SUBDIR)
    assert location[:2] == (tmp_path, "ours")
    assert "the folders of industries in it were used" in (location.notice or "")
    assert read(tmp_path / "ours") == 3


def test_a_folder_of_industries_in_a_repository_is_not_the_repository(root: Path) -> None:
    inner = root / SUBDIR / "ours"
    (root / SUBDIR / "fintech").rename(root / "fintech")
    inner.mkdir()
    (root / "fintech").rename(inner / "fintech")

    assert locate_templates(inner, SUBDIR)[:2] == (inner.parent, "ours")


def test_a_missing_folder_below_a_repository_is_missing(root: Path) -> None:
    with pytest.raises(MockDataMissingError, match="There is no mock-data repository at"):
        locate_templates(root / SUBDIR / "retail", SUBDIR)


@pytest.mark.parametrize(
    ("top", "folder", "notice"),
    [
        ("", "mock_data/templates", None),
        ("main", "mock_data/templates", None),
        ("", "templates", "its folder templates was used"),
        ("main", "templates", "its folder templates was used"),
        ("", "ours", "the folders of industries in its folder ours were used"),
    ],
)
def test_a_zip_may_hold_only_the_folder_of_templates(
    tmp_path: Path, top: str, folder: str, notice: str | None
) -> None:
    archive = tmp_path / "demo.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(posixpath.join(top, "notes", "a", "b.md"), "x")
        file.writestr(posixpath.join(top, folder, "fintech", "dev", "confluence_pages.jsonl"), lines(pages()))
    found = RepositoryTemplates(archive).find_notice()

    assert (found is None) if notice is None else (notice in str(found))
    assert read(archive) == 3


@pytest.mark.parametrize("name", ["a/b/confluence_pages.jsonl", "a/b/c/d/e.json", "a/b/c.csv"])
def test_a_zip_without_folders_of_industries_has_no_templates(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "demo.zip", "w") as file:
        file.writestr(name, "x")
    with pytest.raises(MockDataMissingError, match="has no folder mock_data/templates"):
        locate_templates(tmp_path / "demo.zip", SUBDIR)


def test_a_path_to_the_folder_above_one_repository_leads_to_that(root: Path) -> None:
    (root.parent / "notes").mkdir()
    location = locate_templates(root.parent, SUBDIR)
    assert location[:2] == (root, SUBDIR)
    assert "its folder repository was used" in (location.notice or "")
    assert read(root.parent) == 3
    assert "its folder repository was used" in (RepositoryTemplates(root.parent).find_notice() or "")


def test_a_path_above_several_repositories_leads_to_none(root: Path) -> None:
    (root.parent / "other" / SUBDIR).mkdir(parents=True)
    with pytest.raises(MockDataMissingError, match="has no folder mock_data/templates"):
        locate_templates(root.parent, SUBDIR)


def test_new_templates_are_written_where_templates_are_found_or_will_be(root: Path, tmp_path: Path) -> None:
    assert find_templates_folder(root / "mock_data", SUBDIR) == root / SUBDIR
    assert find_templates_folder(tmp_path / "new", SUBDIR) == tmp_path / "new" / SUBDIR
