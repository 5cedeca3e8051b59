"""Template choice: which template serves a client best.

    named > exact (industry and use case) > industry > default

A template's industry and use case are folders of the mock-data repository; `default` stands in for any of either.
Where several repositories lie over one another, the first with any match serves: a template of one's own, a default
too, comes before all that is bundled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import InvalidArgumentError, Recovery, UnknownTemplateError
from domain.model import (
    DatasetType,
    DataSource,
    Template,
    TemplateChoice,
    TemplateMatch,
    closest_names,
    quote_foreign,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.model import Client

DEFAULT_FOLDER: Final = "default"
"""The folder whose templates serve any industry or use case."""
_CANDIDATES: Final = 5


def choose_template(
    templates: Sequence[Template],
    client: Client,
    dataset_type: DatasetType,
    template_id: str | None,
    source: DataSource | None = None,
) -> tuple[Template, TemplateChoice]:
    """Choose the template that is named, or else the best match for the client. Ties go to the lower id.

    With a `source` only templates that have such data are chosen from. Sanitized data are none of a template's own: it
    gives them their type, and any will do.

    Raises:
        UnknownTemplateError: no template has that id, or none serves this type for this client; it names candidates.
        InvalidArgumentError: the template that is named makes another type, or the one that serves has no data of
            that source.
    """
    is_own = source not in {None, DataSource.SANITIZED_PRODUCTION}
    suitable = [each for each in templates if not is_own or source in available_sources(each)]
    if template_id is not None:
        template, match = _find_named(templates, dataset_type, template_id), TemplateMatch.NAMED
        if template not in suitable:
            raise _no_such_data_error(template)
    else:
        try:
            template, match = _find_best_match(suitable, client, dataset_type)
        except UnknownTemplateError:
            # What would serve with another source is the better answer, where there is one.
            template, _ = _find_best_match(templates, client, dataset_type)
            raise _no_such_data_error(template) from None
    return template, TemplateChoice(template_id=template.template_id, match=match)


def available_sources(template: Template) -> tuple[DataSource, ...]:
    """The sources from which a template has data: its own, whatever that is, and its generator where it has one."""
    return (DataSource.MOCK_TEMPLATE, *((DataSource.GENERATED,) if template.generator else ()))


def _no_such_data_error(template: Template) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"Template {quote_foreign(template.template_id)} has no generator, so no data can be generated for it.",
        field="data_source",
        recovery=Recovery.CHOOSE_OTHER,
        candidates=tuple(each.value for each in available_sources(template)),
    )


def require_known_template(
    templates: Sequence[Template], dataset_type: DatasetType, template_id: str
) -> None:
    """Require that a template of that id makes that type. Raises like `choose_template`."""
    _find_named(templates, dataset_type, template_id)


def _find_named(templates: Sequence[Template], dataset_type: DatasetType, template_id: str) -> Template:
    found = next((each for each in templates if each.template_id == template_id), None)
    serving = {each.template_id: [each.name] for each in templates if each.dataset_type is dataset_type}
    near = closest_names(template_id, serving, serving)
    if found is None:
        raise UnknownTemplateError(
            f"No template is called {quote_foreign(template_id)}.", field="template_id", candidates=near
        )
    if found.dataset_type is not dataset_type:
        raise InvalidArgumentError(
            f"Template {quote_foreign(template_id)} makes {found.dataset_type.value}; "
            f"the call asked for {dataset_type.value}.",
            field="template_id",
            candidates=near,
        )
    return found


def _find_best_match(
    templates: Sequence[Template], client: Client, dataset_type: DatasetType
) -> tuple[Template, TemplateMatch]:
    ranked = sorted(
        (rank == _NO_MATCH, each.layer, rank, each.template_id, position)
        for position, each in enumerate(templates)
        if each.dataset_type is dataset_type
        for rank in (_match_rank(each, client),)
    )
    if not ranked or ranked[0][0]:
        raise UnknownTemplateError(
            f"No template makes {dataset_type.value} for {client.industry}/{client.use_case}, and there is no default.",
            field="template_id",
            candidates=tuple(template_id for *_, template_id, _ in ranked[:_CANDIDATES]),
            suggested_action="Name one of the candidates, or add a default template to the mock-data repository.",
        )
    _, _, rank, _, position = ranked[0]
    return templates[position], _MATCHES[rank]


_MATCHES: Final = (
    TemplateMatch.EXACT,
    TemplateMatch.INDUSTRY,  # made for the industry as a whole
    TemplateMatch.INDUSTRY,  # made for another use case of the industry
    TemplateMatch.DEFAULT,  # made for the use case in any industry
    TemplateMatch.DEFAULT,
)
_NO_MATCH: Final = len(_MATCHES)


def _match_rank(template: Template, client: Client) -> int:
    industry, use_case = template.industry.casefold(), template.use_case.casefold()
    same_use = use_case == client.use_case.casefold()
    if industry == client.industry.casefold():
        return 0 if same_use else 1 if use_case == DEFAULT_FOLDER else 2
    if industry != DEFAULT_FOLDER:
        return _NO_MATCH
    return 3 if same_use else 4 if use_case == DEFAULT_FOLDER else _NO_MATCH
