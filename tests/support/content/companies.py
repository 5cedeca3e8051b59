"""Specifications of made-up companies."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml

from domain.content.generation import Company, parse_specification
from domain.content.generation.story import SLOTS
from tests.support.content.template_repository import TEMPLATE_FOLDER

if TYPE_CHECKING:
    from datetime import date

    from domain.content.generation import CompanySpecification

_CATALOGUE: Final = Path(__file__).parents[3] / "mock_data" / "templates"
BUNDLED: Final = tuple(sorted(_CATALOGUE.rglob("company.yaml")))
"""The files of the bundled companies."""


@cache
def bundled_specification(file: Path = BUNDLED[1]) -> CompanySpecification:
    """The specification in one of the bundled files."""
    return parse_specification(yaml.safe_load(file.read_text("utf-8")), file.name)


def company_content(**changes: Any) -> dict[str, Any]:
    """The decoded content of a good specification, with these changes."""
    content: dict[str, Any] = msgspec.to_builtins(bundled_specification())
    return content | changes


def company(count: int, on: date, *, seed: int = 1) -> Company:
    """A company with that many records of each type, as it is on a day."""
    specification = msgspec.structs.replace(bundled_specification(), seed=seed)
    return Company(specification, count, on)


def latest_incident(count: int, on: date) -> str:
    """The key of the latest incident of the bundled company of fintech, of which all types of records tell."""
    stories = Company(bundled_specification(), count, on).latest_stories()
    return next(each.facts[SLOTS.index("key0")] for each in stories if each.kind == "incident")


def write_company(repository: Path) -> Path:
    """Write a company with thirty records beside the templates of a small repository."""
    path = repository / "mock_data" / "templates" / TEMPLATE_FOLDER / "company.yaml"
    path.write_text(yaml.safe_dump(company_content(records=30)), "utf-8")
    return path
