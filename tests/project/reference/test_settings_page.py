from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

from pydantic import BaseModel
from reference.pages import FOLDER, PAGES, write_pages
from reference.settings import PAGE, render_page

from server.settings.connectors import TypeSettings
from server.settings.model import Dataops

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


def test_the_page_is_what_the_settings_model_says() -> None:
    assert (FOLDER / PAGE).read_text(encoding="utf-8") == render_page()


def keys(section: type[BaseModel], path: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{path}.{name}")
            continue
        assert field.description, f"{path}.{name} says nothing"
        yield f"{path}.{name}"


def test_every_key_is_on_the_page_and_says_what_it_means() -> None:
    sections = {
        name: field.annotation for name, field in Dataops.model_fields.items() if name != "connectors"
    }
    sections["connectors.{type}"] = TypeSettings
    page = render_page()

    for path, section in sections.items():
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        assert [key for key in keys(section, path) if f"| `{key}` |" not in page] == []


def test_writing_makes_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_pages, "__defaults__", (tmp_path / "reference",))

    runpy.run_module("reference", run_name="__main__")

    assert {each.name: each.read_text(encoding="utf-8") for each in (tmp_path / "reference").iterdir()} == {
        name: page() for name, page in PAGES.items()
    }


def test_a_worker_process_that_imports_the_main_module_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_pages, "__defaults__", (tmp_path / "reference",))

    runpy.run_module("reference", run_name="__mp_main__")

    assert not (tmp_path / "reference").exists()
