from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from domain.connectors.config import build_site_urls
from domain.content.population import Population
from domain.model.enums import DatasetType, Stage
from domain.model.template import Template
from domain.ports.staging import Staged
from mock_data.story.write import WORLDS, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mock_data.story.world import World

    Records = list[dict[str, Any]]

IDENTIFIERS = {
    "confluence_pages": "page_id",
    "github_repos": "name",
    "slack_messages": "message_id",
    "jira_issues": "key",
}
TEXTS = {
    "confluence_pages": "body",
    "github_repos": "readme",
    "slack_messages": "text",
    "jira_issues": "description",
}
LINK = re.compile(r"\{\{site:[a-z_]+\}\}/[\w./-]*\w")
INSTANT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")
HEADLINES = {
    "fintech/developer_productivity": ("INC-2041", "INC-2057", "INC-2063"),
    "healthcare/clinical_operations": ("INC-3108", "INC-3121", "INC-3134"),
    "default/default": ("INC-1204",),
}
# Text that would be odd in the story: filler, a real site, or words that speak to a model.
UNWANTED = re.compile(
    r"lorem|ipsum|https?://|www\.|ignore (all|previous)|system prompt|assistant|language model|you are an? "
    r"|[\w-]+\.(com|org|net|io)\b(?<!example\.com)",
    re.IGNORECASE,
)


class Stream:
    """Records as a repository gives them."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.warnings: Sequence[str] = ()

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        yield [json.dumps(record).encode() for record in self._records]


def _whole(record: dict[str, Any]) -> str:
    return " ".join(str(value) for value in record.values())


def _links(record: dict[str, Any]) -> list[str]:
    return LINK.findall(" ".join(str(value) for name, value in record.items() if name != "url"))


def test_ids_are_unique_whatever_their_case(records_by_type: dict[str, Records]) -> None:
    for dataset_type, records in records_by_type.items():
        counts = Counter(record[IDENTIFIERS[dataset_type]].lower() for record in records)
        assert [name for name, count in counts.items() if count > 1] == []


def test_every_link_leads_to_a_record_of_the_same_story(records_by_type: dict[str, Records]) -> None:
    there = {record["url"] for records in records_by_type.values() for record in records}
    assert len(there) == sum(len(records) for records in records_by_type.values())
    lost = {
        link for records in records_by_type.values() for record in records for link in _links(record)
    } - there
    assert lost == set()


def test_a_record_links_to_earlier_records_of_its_type_only(records_by_type: dict[str, Records]) -> None:
    for dataset_type, records in records_by_type.items():
        seen = set()
        for record in records:
            seen.add(record["url"])
            own = {link for link in _links(record) if link.startswith(f"{{{{site:{dataset_type}}}}}")}
            assert own - seen == set(), record["url"]


def test_threads_and_parents_come_before_those_who_name_them(records_by_type: dict[str, Records]) -> None:
    for dataset_type, records in records_by_type.items():
        seen: set[str] = set()
        for record in records:
            named = record.get("references", [])
            named = [*named, *(record[name] for name in ("parent_id", "thread") if record.get(name))]
            assert set(named) <= seen, record
            seen.add(record[IDENTIFIERS[dataset_type]])


def test_all_types_tell_each_other_s_story(records_by_type: dict[str, Records]) -> None:
    for dataset_type, records in records_by_type.items():
        found = {link[len("{{site:") :].split("}")[0] for record in records for link in _links(record)}
        assert found - {dataset_type} == set(records_by_type) - {dataset_type}


def test_an_answer_comes_after_the_message_that_it_answers(records_by_type: dict[str, Records]) -> None:
    sent = {message["message_id"]: message for message in records_by_type["slack_messages"]}
    for message in sent.values():
        if message["thread"]:
            root = sent[message["thread"]]
            assert root["channel"] == message["channel"]
            assert root["timestamp"] < message["timestamp"]
            assert not root["thread"]


@pytest.mark.parametrize("first", [100, 500])
def test_a_headline_incident_is_found_in_all_four_types(
    template_set: str, records_by_type: dict[str, Records], first: int
) -> None:
    for key in HEADLINES[template_set]:
        found = {
            each: any(key in _whole(record) for record in records[:first])
            for each, records in records_by_type.items()
        }
        assert found == dict.fromkeys(records_by_type, True)


def test_every_incident_is_found_in_all_four_types(
    template_set: str, records_by_type: dict[str, Records]
) -> None:
    world = next(world for world in WORLDS if f"{world.industry}/{world.use_case}" == template_set)
    for incident in world.incidents:
        assert {
            each
            for each, records in records_by_type.items()
            if any(incident.key in _whole(it) for it in records)
        } == set(records_by_type)


def test_who_led_an_incident_is_the_same_everywhere(
    template_set: str, records_by_type: dict[str, Records]
) -> None:
    for key in HEADLINES[template_set]:
        said = next(
            message for message in records_by_type["slack_messages"] if f"{key} is open" in message["text"]
        )
        issue = next(issue for issue in records_by_type["jira_issues"] if issue["key"] == key)
        page = next(
            page for page in records_by_type["confluence_pages"] if page["title"].startswith(f"{key} review")
        )
        assert issue["assignee"] == said["author"]
        assert f"Lead: {said['author_name']}." in page["body"]


def test_instants_lie_within_the_story_and_in_order(records_by_type: dict[str, Records]) -> None:
    for records in records_by_type.values():
        for record in records:
            instants = {name: value for name, value in record.items() if INSTANT.fullmatch(str(value))}
            changed = instants.get("last_modified") or instants.get("updated") or max(instants.values())
            assert all("2025-07-01" <= instant <= changed < "2026-07-01" for instant in instants.values()), (
                record
            )


def test_addresses_are_under_example_com(records_by_type: dict[str, Records]) -> None:
    found = {
        address
        for records in records_by_type.values()
        for it in records
        for address in ADDRESS.findall(_whole(it))
    }
    assert {address for address in found if not re.fullmatch(r"[a-z.-]+@example\.com", address)} == set()
    assert len(found) > 15


def test_nothing_in_it_is_filler_real_or_addressed_to_a_model(records_by_type: dict[str, Records]) -> None:
    found = [
        hit[0]
        for records in records_by_type.values()
        for it in records
        for hit in UNWANTED.finditer(_whole(it))
    ]
    assert found == []


def test_no_slot_was_left_empty(records_by_type: dict[str, Records]) -> None:
    for records in records_by_type.values():
        for record in records:
            assert "{" not in re.sub(r"\{\{site:[a-z_]+\}\}", "", _whole({**record, "labels": ""})), record
            assert None not in record.values()


def test_records_differ_in_what_they_say(records_by_type: dict[str, Records]) -> None:
    for dataset_type, records in records_by_type.items():
        different = {record[TEXTS[dataset_type]] for record in records}
        assert len(different) >= len(records) * 0.94


@pytest.fixture(scope="module")
def stories() -> dict[str, dict[str, Records]]:
    """What is told of each industry."""
    return {world.industry: tell(world) for world in WORLDS}


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: str(world.industry))
@pytest.mark.parametrize("dataset_type", DatasetType)
@pytest.mark.parametrize("wanted", [None, 7, 50])
def test_the_quality_checks_find_nothing(
    mock_data_root: Path,
    stories: dict[str, dict[str, Records]],
    world: World,
    dataset_type: DatasetType,
    wanted: int | None,
) -> None:
    records = stories[world.industry][dataset_type.value]
    settings = {
        each: json.loads((mock_data_root / "connectors" / f"{each.value}.json").read_bytes())
        for each in DatasetType
    }
    population = Population(
        Template(
            template_id=f"{world.industry}/{world.use_case}/{dataset_type.value}",
            name=world.title,
            industry=world.industry,
            use_case=world.use_case,
            dataset_type=dataset_type,
            format="jsonl",
            default_record_count=world.records,
            source="records",
        ),
        dataset_type=dataset_type,
        wanted=wanted,
        sites=build_site_urls(settings, client_id="acme", stage=Stage.SANDBOX),
        now=datetime(2026, 7, 1, tzinfo=UTC),
        progress=lambda _done, _of: None,
    )
    lines = b"".join(population.stream_documents(Stream(records))).splitlines()
    assert len(lines) == (wanted or world.records)
    assert b"{{" not in b"".join(lines)
    staged = Staged(lines=len(lines), size_bytes=1, checksum="0")
    content = population.build_content(1, staged)
    assert content.report.score == 100
    assert content.warnings == ()
