"""The datasets that the embedded sandbox's datasources serve, with their golden questions, for its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from domain.content import load_questions
from domain.errors import LifecycleError
from server.composition.stores import read_existing_store
from server.composition.templates import build_template_repository
from server.sandbox.console.datasets import ServedDataset

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from domain.model import Dataset, Template
    from domain.ports import UnitOfWork
    from server.sandbox.console.datasets import DatasetLookup
    from server.settings import Settings

_PAGE: Final = 500


def build_dataset_lookup(settings: Settings) -> DatasetLookup:
    """Build the look-up of a data folder. It reads the store at each call, and the questions of a dataset once.

    It blocks. What cannot be read is not known: the page shows its datasources all the same.
    """
    questions = _QuestionCache(settings)

    def look_up() -> Mapping[str, ServedDataset]:
        try:
            served = read_existing_store(settings, _list_served) or {}
        except LifecycleError:
            return {}
        asked = questions.load(served.values()) if served else {}
        return {
            handle: ServedDataset(dataset.client_id, asked[dataset.dataset_id])
            for handle, dataset in served.items()
        }

    return look_up


def _list_served(uow: UnitOfWork) -> dict[str, Dataset]:
    """The dataset of each connector, by the connector's handle."""
    served: dict[str, Dataset] = {}
    after: str | None = None
    while page := uow.connectors.list_connected(after=after, limit=_PAGE):
        after = page[-1].connector_id
        for each in page:
            dataset = uow.datasets.get(each.dataset_id)
            if each.handle and dataset:
                served[each.handle] = dataset
    return served


class _QuestionCache:
    """The golden questions of datasets, as texts; those of one content are loaded once."""

    def __init__(self, settings: Settings) -> None:
        self._repository = build_template_repository(settings.mock_data_repo)
        self._loaded: dict[tuple[str, int | None], tuple[str, ...]] = {}

    def load(self, datasets: Collection[Dataset]) -> Mapping[str, tuple[str, ...]]:
        """The questions of each dataset by its id; none where they cannot be read."""
        keys = {each.dataset_id: _content_key(each) for each in datasets}
        new = [each for each in datasets if keys[each.dataset_id] not in self._loaded]
        if new:
            self._loaded |= anyio.run(self._load, new)
        return {dataset_id: self._loaded[key] for dataset_id, key in keys.items()}

    async def _load(self, datasets: Collection[Dataset]) -> dict[tuple[str, int | None], tuple[str, ...]]:
        try:
            templates = {each.template_id: each for each in await self._repository.list()}
        except LifecycleError:
            templates = {}
        return {_content_key(each): await self._load_texts(templates, each) for each in datasets}

    async def _load_texts(self, templates: Mapping[str, Template], dataset: Dataset) -> tuple[str, ...]:
        template = templates.get(dataset.template.template_id)
        try:
            questions = template and await load_questions(self._repository, template, dataset)
        except LifecycleError:
            return ()
        return tuple(each.text for each in questions or ())


def _content_key(dataset: Dataset) -> tuple[str, int | None]:
    return dataset.dataset_id, dataset.content.attempt if dataset.content else None
