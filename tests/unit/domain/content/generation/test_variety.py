"""Generated texts seldom repeat a sentence, and none of them reads as an instruction to a model."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import msgspec
import pytest

from domain.content.generation import Company
from domain.model import DatasetType
from tests.support.content.companies import BUNDLED, bundled_specification

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = {
    DatasetType.CONFLUENCE_PAGES: "body",
    DatasetType.GITHUB_REPOS: "readme",
    DatasetType.SLACK_MESSAGES: "text",
    DatasetType.JIRA_ISSUES: "description",
}
MARKUP = re.compile(r"<h2>.*?</h2>|<pre>.*?</pre>|<[^>]+>", re.DOTALL)
SENTENCE_END = re.compile(r"(?<=[.?!])\s+|\n+")
INSTRUCTION = re.compile(
    r"\b(ignore|disregard) (all|any|the|previous)|\bsystem prompt|\byou are an?\b|\bAI\b", re.IGNORECASE
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, without headings and logs."""
    plain = MARKUP.sub(" ", text)
    return [each.strip() for each in SENTENCE_END.split(plain) if each.strip().endswith((".", "?", "!"))]


@pytest.mark.parametrize("file", BUNDLED, ids=lambda file: file.parent.parent.name)
@pytest.mark.parametrize("dataset_type", DatasetType, ids=lambda each: each.value)
def test_one_sentence_in_ten_is_repeated_at_the_most(file: Path, dataset_type: DatasetType) -> None:
    made = Company(bundled_specification(file), 1000, date(2026, 12, 2))
    told = Counter(
        sentence
        for batch in made.records(dataset_type)
        for line in batch
        for sentence in sentences(msgspec.json.decode(line)[TEXTS[dataset_type]])
    )
    repeated = sum(times for times in told.values() if times > 1)
    assert repeated <= told.total() / 10, told.most_common(5)


@pytest.mark.parametrize("file", BUNDLED, ids=lambda file: file.parent.parent.name)
def test_no_text_reads_as_an_instruction_or_breaks_the_rules_of_a_sentence(file: Path) -> None:
    made = Company(bundled_specification(file), 100, date(2026, 12, 2))
    for dataset_type in DatasetType:
        for batch in made.records(dataset_type):
            for line in batch:
                text = msgspec.json.decode(line)[TEXTS[dataset_type]]
                assert not INSTRUCTION.search(text), text
                assert "%" not in text
                assert not re.search(r"\ba [aeio][a-z]+\b", text), text
                for sentence in sentences(text):
                    assert not sentence[0].islower() or sentence.startswith(("e.g.",)), sentence
