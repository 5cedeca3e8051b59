"""Layers of repositories: templates of one's own lie over those of the next, and the bundled catalogue is the last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from anyio import to_thread

from domain.errors import require_present

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date

    from domain.model import GoldenQuestion, Template
    from domain.ports import RecordStream
    from server.adapters.templates.catalogue.repository import RepositoryTemplates
    from server.adapters.templates.readers.generated import GeneratedRecords
    from server.adapters.templates.records import TemplateRecords


@dataclass(frozen=True, slots=True)
class Overview:
    """The templates that serve, in the order of their ids; by id, the repositories whose templates they shadow.

    `notices` say which repositories are not where their paths lead.
    """

    templates: Sequence[Template]
    shadowed: Mapping[str, tuple[str, ...]]
    notices: tuple[str, ...]


class LayeredTemplates:
    """Implements `ports.Templates` over several repositories, by name. Of one id, the first one's template serves.

    A repository that is missing or empty is an error, whatever others have: nobody is to be served the bundled
    catalogue in place of their own by a mistyped path. So is a template that cannot be read, when it is used.
    """

    def __init__(self, layers: Mapping[str, RepositoryTemplates]) -> None:
        self._names = tuple(layers)
        self._layers = tuple(layers.values())

    async def list(self) -> Sequence[Template]:
        return (await self.survey()).templates

    async def survey(self) -> Overview:
        """The templates of all repositories, with what is shadowed. Raises MockDataMissingError."""
        return await to_thread.run_sync(self._survey)

    async def count_records(self, template: Template, at_most: int) -> int:
        return await self._layers[template.layer].count_records(template, at_most)

    def open_records(self, template: Template) -> AbstractContextManager[TemplateRecords]:
        return self._layers[template.layer].open_records(template)

    def open_data(self, template: Template, on: date) -> AbstractContextManager[RecordStream]:
        """Open what a dataset of the template has unless asked for otherwise; enter it in a worker thread."""
        if template.has_records:
            return self.open_records(template)
        generator = require_present(template.generator, "a template without records has a generator")
        return self.generate_records(template, generator.count, on)

    def describe_data(self, template: Template, on: date) -> Template:
        """The template as that of what `open_data` opens, with its questions. Blocks."""
        if template.has_records:
            return template
        described = self._layers[template.layer].describe_generated(template, on)
        return replace(described, repository=template.repository, layer=template.layer)

    def generate_records(
        self, template: Template, count: int, on: date
    ) -> AbstractContextManager[GeneratedRecords]:
        return self._layers[template.layer].generate_records(template, count, on)

    async def derive_questions(self, template: Template, count: int, on: date) -> Sequence[GoldenQuestion]:
        return await self._layers[template.layer].derive_questions(template, count, on)

    def _survey(self) -> Overview:
        serving: dict[str, Template] = {}
        shadowed: dict[str, tuple[str, ...]] = {}
        for layer, (name, templates) in enumerate(zip(self._names, self._layers, strict=True)):
            for each in templates.list_templates():
                if each.template_id in serving:
                    shadowed[each.template_id] = (*shadowed.get(each.template_id, ()), name)
                else:
                    serving[each.template_id] = replace(each, repository=name, layer=layer)
        return Overview(
            templates=[serving[each] for each in sorted(serving)],
            shadowed=shadowed,
            notices=tuple(notice for each in self._layers if (notice := each.find_notice())),
        )
