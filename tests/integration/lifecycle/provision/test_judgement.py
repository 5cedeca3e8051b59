"""`templates validate` and `provision` judge every template alike: what it is worth, or why nothing comes of it."""

from __future__ import annotations

import shutil
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from anyio import to_thread
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings

from domain.content import quality_issues
from domain.errors import LifecycleError, ProvisionFailedError
from domain.model import DatasetStatus
from server.adapters.templates import RepositoryTemplates
from server.adapters.templates.catalogue.validation import begin_population
from server.adapters.templates.explanations import explain_error
from server.composition.templates import build_judgement
from server.settings import load_settings
from tests.support.content.generated_repositories import repositories
from tests.support.world import DIALECTS, open_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from domain.model import Template
    from server.adapters.templates import Judgement
    from server.adapters.templates.catalogue.validation import TemplateReport
    from tests.support.world import Process, World

    Compare = Callable[[dict[str, bytes]], None]

LONG: Final = 200
HEALTH: Final = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


class Verdict(NamedTuple):
    """Verdict on a template: the error that nothing comes of it for, or what a dataset of it is worth."""

    error: tuple[str, str, str] | None = None
    ready: bool = False
    records: int = 0
    score: float | None = None
    issues: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()


@pytest.fixture
def compare(tmp_path: Path, dialect: str) -> Iterator[Compare]:
    """What writes a repository, and compares both verdicts on each of its templates."""
    clients = count(1)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_world(tmp_path, dialect=DIALECTS[dialect])) as world,
    ):
        yield lambda files: portal.call(compare_verdicts, world, files, clients)


@pytest.mark.each_dialect
def test_a_template_is_judged_as_a_dataset_of_it_turns_out(compare: Compare) -> None:
    @settings(suppress_health_check=HEALTH)
    @given(repositories())
    def any_repository(files: dict[str, bytes]) -> None:
        compare(files)

    any_repository()


@pytest.mark.exhaustive
@pytest.mark.each_dialect
def test_a_template_is_judged_as_a_dataset_of_it_turns_out_for_long(compare: Compare) -> None:
    @settings(max_examples=LONG, suppress_health_check=HEALTH)
    @given(repositories())
    def any_repository(files: dict[str, bytes]) -> None:
        compare(files)

    any_repository()


async def compare_verdicts(world: World, files: dict[str, bytes], clients: Iterator[int]) -> None:
    """Compare what `templates validate` says of each template with what becomes of a dataset."""
    shutil.rmtree(world.repository)
    for name, data in files.items():
        path = world.repository / "mock_data" / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    judgement = build_judgement(load_settings({}, data_dir=world.folder, cwd=world.folder))
    repository = RepositoryTemplates(world.repository)
    templates = {each.template_id: each for each in await repository.list()}
    reports = await to_thread.run_sync(lambda: list(repository.iterate_reports(judgement)))
    judged = {
        each.template_id: judged_verdict(each, templates[each.template_id], repository, judgement)
        for each in reports
        if each.template_id is not None
    }
    async with world.open_process() as process:
        made = {name: await made_verdict(process, each, next(clients)) for name, each in templates.items()}
    assert made == judged


def judged_verdict(
    report: TemplateReport, template: Template, repository: RepositoryTemplates, judgement: Judgement
) -> Verdict:
    """The verdict of a report, whose problems do not name the code of an error."""
    if report.problems:
        with pytest.raises(LifecycleError) as refused, repository.open_records(template) as stream:
            list(begin_population(template, judgement).stream_documents(stream))
        error = refused.value
        assert report.problems == (explain_error(error),)
        return Verdict((error.code, error.message, error.suggested_action))
    return Verdict(None, report.passes, report.records, report.score, report.issues, report.warnings)


async def made_verdict(process: Process, template: Template, client: int) -> Verdict:
    """The verdict of a provision from a template, for a new client."""
    client_id = f"client-{client}"
    await process.add_client_and_journey(client_id)
    try:
        dataset = await process.provision(
            client_id=client_id, dataset_type=template.dataset_type, template_id=template.template_id
        )
    except ProvisionFailedError as error:
        failure = (await process.load_dataset(error.facts["dataset_id"])).failure
        assert failure is not None
        assert (failure.step, failure.field) in {("populate", None), ("populate", "record_count")}
        return Verdict((failure.code, failure.message, failure.suggested_action))
    assert dataset.quality is not None
    assert dataset.content is not None
    return Verdict(
        None,
        dataset.status is DatasetStatus.READY,
        dataset.record_count or 0,
        dataset.quality.score,
        tuple(quality_issues(dataset.quality)),
        dataset.content.warnings,
    )
