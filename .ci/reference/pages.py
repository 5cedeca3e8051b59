"""The generated pages, and their folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from reference import errors, events, settings, tools

FOLDER: Final = Path(__file__).parents[2] / "docs" / "reference"
PAGES: Final = {
    **{each.PAGE: each.render_page for each in (errors, events, settings, tools)},
    events.SCHEMA: events.render_schema,
}


def write_pages(folder: Path = FOLDER) -> None:
    """Write every page to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
