"""A mock-data repository in a temporary folder, and what is read from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from domain.content.population import Population
from domain.model.enums import DatasetType
from domain.ports.staging import Staged
from server.adapters.templates import RepositoryTemplates
from tests.support.content.records import NOW, SITES, template_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from domain.model.content import Content
    from domain.model.template import Template

SUBDIR = "mock_data/templates"
PAGES = DatasetType.CONFLUENCE_PAGES


class RepositoryFiles:
    """Write files, then read them as templates."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / SUBDIR
        self.templates = RepositoryTemplates(root)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file below the folder of templates."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    async def load_only_template(self) -> Template:
        """The one template there is."""
        (found,) = await self.templates.list()
        return found

    def read_records(self, template: Template) -> list[bytes]:
        """Its records."""
        with self.templates.open_records(template) as stream:
            return [line for batch in stream for line in batch]

    def populate(self, template: Template, wanted: int | None = None) -> Content:
        """What a population makes of it."""
        attempt = Population(
            template,
            dataset_type=template.dataset_type,
            wanted=wanted,
            sites=SITES,
            now=NOW,
            progress=lambda _done, _total: None,
        )
        with self.templates.open_records(template) as stream:
            data = b"".join(attempt.stream_documents(stream))
        return attempt.build_content(1, Staged(lines=data.count(b"\n"), size_bytes=len(data), checksum="c"))


def pages(count: int = 3) -> list[dict[str, Any]]:
    return [template_record(PAGES, n) for n in range(1, count + 1)]


def lines(records: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(each) + "\n" for each in records)
