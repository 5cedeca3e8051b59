from __future__ import annotations

from dataclasses import replace

import pytest

from domain.content.templates import available_sources, choose_template
from domain.errors import InvalidArgumentError, UnknownTemplateError
from domain.model.content import TemplateChoice
from domain.model.enums import DatasetType, DataSource, TemplateMatch
from domain.model.journey import Client
from domain.model.template import Generator, Template

PAGES = DatasetType.CONFLUENCE_PAGES
ACME = Client(client_id="acme", name="Acme", industry="Fintech", use_case="developer_productivity")


def template(industry: str, use_case: str, dataset_type: DatasetType = PAGES) -> Template:
    template_id = f"{industry}/{use_case}/{dataset_type.value}"
    return Template(
        template_id=template_id,
        name=template_id,
        industry=industry,
        use_case=use_case,
        dataset_type=dataset_type,
        format="jsonl",
        source=f"{template_id}.jsonl",
    )


RANKED = [
    (template("fintech", "developer_productivity"), TemplateMatch.EXACT),
    (template("fintech", "default"), TemplateMatch.INDUSTRY),
    (template("fintech", "support"), TemplateMatch.INDUSTRY),
    (template("default", "developer_productivity"), TemplateMatch.DEFAULT),
    (template("default", "default"), TemplateMatch.DEFAULT),
]
OTHERS = [
    template("healthcare", "developer_productivity"),
    template("default", "support"),
    template("fintech", "developer_productivity", DatasetType.JIRA_ISSUES),
]


@pytest.mark.parametrize("best", range(len(RANKED)))
def test_the_nearest_template_serves_and_the_answer_says_why(best: int) -> None:
    left = [each for each, _ in RANKED[best:]]
    found, match = RANKED[best]
    expected = (found, TemplateChoice(template_id=found.template_id, match=match))
    assert choose_template([*OTHERS, *reversed(left)], ACME, PAGES, None) == expected
    assert choose_template([*left, *OTHERS], ACME, PAGES, None) == expected


def test_of_two_equally_near_the_lower_id_serves_whatever_their_order() -> None:
    one, other = template("fintech", "audit"), template("fintech", "support")
    assert choose_template([other, one], ACME, PAGES, None)[0] is one
    assert choose_template([one, other], ACME, PAGES, None)[0] is one


def test_a_template_that_is_named_serves_whatever_is_nearer() -> None:
    far = template("healthcare", "operations")
    found = choose_template([RANKED[0][0], far], ACME, PAGES, far.template_id)
    assert found == (far, TemplateChoice(template_id=far.template_id, match=TemplateMatch.NAMED))


GENERATOR = Generator(file="company.yaml", records=500)


def test_a_template_has_data_of_its_own_source_and_of_its_generator() -> None:
    own = template("fintech", "payments")
    assert available_sources(own) == (DataSource.MOCK_TEMPLATE,)
    both = (DataSource.MOCK_TEMPLATE, DataSource.GENERATED)
    assert available_sources(replace(own, generator=GENERATOR)) == both
    assert available_sources(replace(own, generator=GENERATOR, format="generated")) == both


def test_data_are_generated_where_that_is_asked_for_or_the_template_has_nothing_else() -> None:
    own = replace(template("fintech", "payments"), generator=GENERATOR)
    bare = replace(own, format="generated")
    assert [own.is_generated(each) for each in available_sources(own)] == [False, True]
    assert [bare.is_generated(each) for each in available_sources(bare)] == [True, True]
    assert not bare.is_generated(DataSource.SANITIZED_PRODUCTION)


def test_for_generated_data_a_template_with_a_generator_serves() -> None:
    near, far = template("fintech", "developer_productivity"), template("default", "default")
    far = replace(far, generator=GENERATOR)
    assert choose_template([near, far], ACME, PAGES, None, DataSource.GENERATED)[0] is far
    assert choose_template([near, far], ACME, PAGES, None)[0] is near


def test_a_generator_for_other_clients_or_types_does_not_hide_that_ones_own_has_none() -> None:
    own = template("fintech", "developer_productivity")
    others = [
        replace(template("healthcare", "operations"), generator=GENERATOR),
        replace(template("fintech", "support", DatasetType.JIRA_ISSUES), generator=GENERATOR),
    ]
    with pytest.raises(InvalidArgumentError, match="has no generator"):
        choose_template([own, *others], ACME, PAGES, None, DataSource.GENERATED)
    with pytest.raises(UnknownTemplateError):
        choose_template(others, ACME, PAGES, None, DataSource.GENERATED)


@pytest.mark.parametrize("named", [True, False])
def test_a_source_that_a_template_lacks_is_refused_with_those_that_it_has(*, named: bool) -> None:
    own = template("fintech", "developer_productivity")
    with pytest.raises(InvalidArgumentError, match="has no generator") as refused:
        choose_template([own], ACME, PAGES, own.template_id if named else None, DataSource.GENERATED)
    assert (refused.value.field, refused.value.candidates) == ("data_source", ("mock_template",))


def test_a_template_as_that_of_generated_data_declares_their_number() -> None:
    own = replace(template("fintech", "payments"), generator=GENERATOR, schema={"type": "object"})
    made = own.as_generated(1000)
    assert (made.template_id, made.source, made.schema) == (own.template_id, "company.yaml", None)
    assert (made.default_record_count, made.has_records) == (1000, False)


def test_without_a_default_another_industry_never_stands_in() -> None:
    with pytest.raises(UnknownTemplateError) as refused:
        choose_template(OTHERS, ACME, PAGES, None)
    assert refused.value.candidates == (
        "default/support/confluence_pages",
        "healthcare/developer_productivity/confluence_pages",
    )
    with pytest.raises(UnknownTemplateError) as refused:
        choose_template(OTHERS, ACME, DatasetType.SLACK_MESSAGES, None)
    assert refused.value.candidates == ()


def test_an_unknown_name_is_answered_with_the_nearest_of_the_type() -> None:
    with pytest.raises(UnknownTemplateError) as refused:
        choose_template(
            [each for each, _ in RANKED] + OTHERS,
            ACME,
            PAGES,
            "fintech/developer_productivty/confluence_pages",
        )
    assert refused.value.candidates[0] == "fintech/developer_productivity/confluence_pages"
    assert refused.value.field == "template_id"
    with pytest.raises(UnknownTemplateError) as refused:
        choose_template([RANKED[0][0]], ACME, PAGES, "zzz")
    assert refused.value.candidates == ()


def test_a_template_of_another_type_is_refused_naming_both() -> None:
    with pytest.raises(InvalidArgumentError, match=r"jira_issues.*confluence_pages") as refused:
        choose_template([RANKED[0][0], *OTHERS], ACME, PAGES, "fintech/developer_productivity/jira_issues")
    assert refused.value.field == "template_id"


def test_any_template_of_the_type_gives_sanitized_data_their_type() -> None:
    near, far = template("fintech", "developer_productivity"), template("default", "default")
    assert choose_template([near, far], ACME, PAGES, None, DataSource.SANITIZED_PRODUCTION)[0] is near


def test_a_template_as_that_of_sanitized_data_says_nothing_of_its_own_records() -> None:
    own = replace(
        template("fintech", "payments"),
        default_record_count=7,
        schema={"type": "object"},
        is_relative=True,
        warnings=("odd",),
        custom_fields={"owner": "acme"},
    )
    made = own.as_sanitized()
    assert (made.template_id, made.custom_fields) == (own.template_id, {"owner": "acme"})
    assert (made.default_record_count, made.schema, made.is_relative, made.warnings) == (
        None,
        None,
        False,
        (),
    )
