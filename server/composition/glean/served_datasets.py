"""The datasets that the embedded sandbox's datasources serve, with their golden questions, for its page."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import anyio

from domain.errors import LifecycleError
from server.composition.stores import read_existing_store
from server.composition.templates import build_template_repository
from server.sandbox.console.datasets import ServedDataset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.ports import UnitOfWork
    from server.sandbox.console.datasets import DatasetLookup
    from server.settings import Settings

_PAGE: Final = 500


def build_dataset_lookup(settings: Settings) -> DatasetLookup:
    """Build the look-up of a data folder. It reads the store at each call, and the questions of templates once.

    It blocks. What cannot be read is not known: the page shows its datasources all the same.
    """
    load_questions = cache(lambda: _load_questions(settings))

    def look_up() -> Mapping[str, ServedDataset]:
        try:
            served = read_existing_store(settings, _list_served) or {}
        except LifecycleError:
            return {}
        questions = load_questions() if served else {}
        return {
            handle: ServedDataset(client, questions.get(template, ()))
            for handle, (client, template) in served.items()
        }

    return look_up


def _list_served(uow: UnitOfWork) -> dict[str, tuple[str, str]]:
    """The client and the template of each connector's dataset, by the connector's handle."""
    served: dict[str, tuple[str, str]] = {}
    after: str | None = None
    while page := uow.connectors.list_connected(after=after, limit=_PAGE):
        after = page[-1].connector_id
        for each in page:
            dataset = uow.datasets.get(each.dataset_id)
            if each.handle and dataset:
                served[each.handle] = (dataset.client_id, dataset.template.template_id)
    return served


def _load_questions(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The golden questions of each template, by its id."""
    repository = build_template_repository(settings.mock_data_repo)
    try:
        templates = anyio.run(repository.list)
    except LifecycleError:
        return {}
    return {each.template_id: tuple(question.text for question in each.questions or ()) for each in templates}
