from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.golden_questions import MAX_QUESTIONS
from domain.content.readiness import (
    MAX_UNANSWERED_SHOWN,
    TOP_RESULTS,
    is_answered,
    measure_readiness,
    readiness_from_results,
    readiness_report,
)
from domain.errors import MockDataMissingError, PlatformDeniedError
from domain.model.content import Content, QualityReport, Readiness, TemplateChoice
from domain.model.dataset import Dataset
from domain.model.enums import DatasetStatus, DatasetType, DataSource, Stage, TemplateMatch
from domain.model.template import Generator, GoldenQuestion, Template
from domain.ports.platform import Capabilities, SearchHit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    Answers = Sequence[Sequence[SearchHit]] | Exception
    Found = Sequence[Template] | Exception

PAGES, REPOS = DatasetType.CONFLUENCE_PAGES, DatasetType.GITHUB_REPOS
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEMPLATE = Template(
    template_id="fintech/payments/confluence_pages",
    name="Payments",
    industry="fintech",
    use_case="payments",
    dataset_type=PAGES,
    format="json-v1",
    source="f",
    questions=(
        GoldenQuestion(position=1, text="Who is on call?", documents=("1001",)),
        GoldenQuestion(position=4, text="Where is the handbook?", documents=("1002", "1003")),
    ),
)
DATASET = Dataset(
    dataset_id="acme-1",
    name="ACME-Sandbox-Confluence",
    client_id="acme",
    journey_id="j1",
    stage=Stage.SANDBOX,
    dataset_type=PAGES,
    template=TemplateChoice(template_id=TEMPLATE.template_id, match=TemplateMatch.EXACT),
    data_source=DataSource.MOCK_TEMPLATE,
    status=DatasetStatus.VALIDATING,
    created_at=NOW,
    last_used_at=NOW,
)
CONTENT = Content(
    attempt=1,
    record_count=40,
    size_bytes=1,
    checksum="c",
    containers=(),
    report=QualityReport(score=100, checks=(), checksum="c", evaluated_at=NOW),
)


def hit(found: str, url: str | None = None) -> SearchHit:
    return SearchHit(datasource="d", document_id=found, title="t", url=url)


class FakeDependencies:
    """A platform that answers what it is told to, and a repository of the templates given."""

    def __init__(self, answers: Answers, templates: Found = (TEMPLATE,), *, search: bool = True) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.derived: list[tuple[str, int, date]] = []
        self.templates = SimpleNamespace(list=self._list, derive_questions=self._derive_questions)
        self.platform = SimpleNamespace(
            capabilities=Capabilities(search=search), search_each=self._search_each
        )
        self.settings = SimpleNamespace(questions_deadline=timedelta(seconds=7))
        self._answers, self._found = answers, templates

    async def _list(self) -> Sequence[Template]:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    async def _derive_questions(self, template: Template, count: int, on: date) -> Sequence[GoldenQuestion]:
        self.derived.append((template.template_id, count, on))
        return (GoldenQuestion(position=1, text="Who was on call?", documents=("9",)),)

    async def _search_each(
        self, queries: Sequence[str], *, name: str, limit: int, seconds: float
    ) -> Sequence[Sequence[SearchHit]]:
        self.asked.append((list(queries), name, limit, seconds))
        if isinstance(self._answers, Exception):
            raise self._answers
        return self._answers


async def readiness_of(deps: FakeDependencies, **changes: Any) -> Readiness | None:
    given = cast("Any", deps)
    return await measure_readiness(
        given.templates,
        given.platform,
        replace(DATASET, **changes),
        DATASET.name,
        timeout_s=given.settings.questions_deadline.total_seconds(),
    )


async def test_every_question_of_the_template_is_asked_of_the_datasets_own_datasource() -> None:
    deps = FakeDependencies([[hit("9"), hit("1001")], [hit("9")]])
    assert await readiness_of(deps) == Readiness(asked=2, answered=1, unanswered=("Where is the handbook?",))
    assert deps.asked == [(["Who is on call?", "Where is the handbook?"], DATASET.name, TOP_RESULTS, 7.0)]


async def test_what_nothing_answers_is_not_asked() -> None:
    absent = GoldenQuestion(position=5, text="Who runs Velmora?", documents=(), absent="Velmora")
    deps = FakeDependencies(
        [[hit("1001")]], [replace(TEMPLATE, questions=((TEMPLATE.questions or ())[0], absent))]
    )
    assert await readiness_of(deps) == Readiness(asked=1, answered=1)
    assert deps.asked[0][0] == ["Who is on call?"]
    none = FakeDependencies([], [replace(TEMPLATE, questions=(absent,))])
    assert (await readiness_of(none), none.asked) == (None, [])


async def test_data_of_a_template_without_records_are_asked_what_is_derived_of_them() -> None:
    generator = Generator(file="company.yaml", records=500)
    deps = FakeDependencies([[hit("9")]], [replace(TEMPLATE, generator=generator, format="generated")])
    assert await readiness_of(deps, content=CONTENT) == Readiness(asked=1, answered=1)
    assert deps.derived == [(TEMPLATE.template_id, 40, NOW.date())]


async def test_sanitized_content_is_asked_nothing() -> None:
    deps = FakeDependencies([])
    readiness = await readiness_of(deps, data_source=DataSource.SANITIZED_PRODUCTION)
    assert (readiness, deps.asked) == (None, [])


async def test_generated_content_is_asked_what_was_true_on_the_day_of_its_population() -> None:
    deps = FakeDependencies(
        [[hit("9")]], [replace(TEMPLATE, generator=Generator(file="company.yaml", records=500))]
    )
    readiness = await readiness_of(deps, data_source=DataSource.GENERATED, content=CONTENT)
    assert readiness == Readiness(asked=1, answered=1)
    assert deps.asked == [(["Who was on call?"], DATASET.name, TOP_RESULTS, 7.0)]
    assert deps.derived == [("fintech/payments/confluence_pages", 40, NOW.date())]


@pytest.mark.parametrize(
    ("template", "content"),
    [(TEMPLATE, CONTENT), (replace(TEMPLATE, generator=Generator(file="f", records=5)), None)],
)
async def test_questions_that_cannot_be_derived_are_told(template: Template, content: Content | None) -> None:
    deps = FakeDependencies([], [template])
    readiness = await readiness_of(deps, data_source=DataSource.GENERATED, content=content)
    assert readiness == Readiness(
        asked=0, unknown="The questions of the template 'fintech/payments/confluence_pages' cannot be read."
    )


async def test_nothing_is_asked_where_nothing_can_be_searched_or_the_template_has_no_questions() -> None:
    for deps in (FakeDependencies([], search=False), FakeDependencies([], [replace(TEMPLATE, questions=())])):
        assert (await readiness_of(deps), deps.asked) == (None, [])


@pytest.mark.parametrize(
    ("deps", "readiness"),
    [
        (
            FakeDependencies(PlatformDeniedError("Glean's search was tried once: it answered 401.")),
            Readiness(asked=2, unknown="Glean's search was tried once: it answered 401."),
        ),
        (
            FakeDependencies([], MockDataMissingError("There is no repository.")),
            Readiness(asked=0, unknown="There is no repository."),
        ),
        (
            FakeDependencies([], []),
            Readiness(
                asked=0,
                unknown="The template 'fintech/payments/confluence_pages' is no longer in the repository.",
            ),
        ),
        (
            FakeDependencies([], [replace(TEMPLATE, questions=None)]),
            Readiness(
                asked=0,
                unknown="The questions of the template 'fintech/payments/confluence_pages' cannot be read.",
            ),
        ),
    ],
)
async def test_what_keeps_the_questions_from_being_asked_is_told_and_not_raised(
    deps: FakeDependencies, readiness: Readiness
) -> None:
    assert await readiness_of(deps) == readiness
    assert readiness.share is None
    assert readiness_report(readiness) == {"asked": readiness.asked, "unknown": readiness.unknown}


def test_only_the_first_three_results_count() -> None:
    question = GoldenQuestion(position=1, text="Which?", documents=("x",))
    results = [hit("a"), hit("b"), hit("c"), hit("X")]
    assert not is_answered(question, results, PAGES)
    assert is_answered(question, results[1:], PAGES)


def test_a_document_is_known_by_the_address_that_we_gave_it_when_its_id_has_another_form() -> None:
    page = GoldenQuestion(position=1, text="Which?", documents=("1001",))
    assert is_answered(page, [hit("glean-77", "https://acme.example/spaces/OPS/pages/1001?a=b")], PAGES)
    assert not is_answered(page, [hit("glean-77", "https://acme.example/spaces/1001/pages/7")], PAGES)
    repository = GoldenQuestion(position=1, text="Which?", documents=("acme/billing",))
    assert is_answered(repository, [hit("glean-77", "https://git.example/acme/billing")], REPOS)
    assert not is_answered(repository, [hit("glean-77", "https://git.example/other/billing")], REPOS)


@given(st.lists(st.booleans(), min_size=1, max_size=MAX_QUESTIONS))
def test_the_share_is_what_was_answered_of_what_was_asked(outcomes: list[bool]) -> None:
    questions = [
        GoldenQuestion(position=n, text=f"Which is number {n}?", documents=(f"d{n}",))
        for n in range(1, len(outcomes) + 1)
    ]
    results = [
        [hit(f"d{n}" if good else "another")] if good or n % 2 else [] for n, good in enumerate(outcomes, 1)
    ]
    found = readiness_from_results(questions, results, PAGES)
    missed = [each.text for each, good in zip(questions, outcomes, strict=True) if not good]
    assert (found.asked, found.answered) == (len(outcomes), sum(outcomes))
    assert found.unanswered == tuple(missed[:MAX_UNANSWERED_SHOWN])
    share = found.share
    assert share is not None
    exact = Fraction(sum(outcomes), len(outcomes))
    assert 0 <= exact - Fraction(str(share)) < Fraction(1, 1000)
    assert (share == 1, share == 0) == (all(outcomes), not any(outcomes))


@given(asked=st.integers(1, MAX_QUESTIONS), data=st.data())
def test_one_more_answer_raises_the_share_and_one_more_question_without_lowers_it(
    asked: int, data: st.DataObject
) -> None:
    good = data.draw(st.integers(0, asked - 1))
    here, better = (
        Readiness(asked=asked, answered=good).share,
        Readiness(asked=asked, answered=good + 1).share,
    )
    worse = Readiness(asked=asked + 1, answered=good).share
    assert here is not None
    assert better is not None
    assert worse is not None
    assert worse <= here < better


def test_a_report_names_the_questions_for_a_person_and_figures_for_everybody_else() -> None:
    found = Readiness(asked=3, answered=2, unanswered=("Where is the handbook?",))
    figures = {"asked": 3, "answered": 2, "share": 0.666}
    assert readiness_report(found) == {**figures, "unanswered": ["Where is the handbook?"]}
    assert readiness_report(found, questions=False) == figures
    assert readiness_report(Readiness(asked=1, answered=1)) == {"asked": 1, "answered": 1, "share": 1.0}
