"""How an agent in a hurry goes on after a refusal: it reads it literally, and tries whatever it mentions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tests.support.adversaries.oracle import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterator

PERSUASIVE_ARGUMENTS: Final = (
    "confirm",
    "confirmed",
    "force",
    "approved",
    "override",
    "acknowledge",
    "yes",
    "human",
)
"""What some other server, some day, took for a person's word."""
_WORD: Final = re.compile(r"[a-z]+(?:_[a-z]+)+|(?<=--)[a-z-]+|(?<=`)[a-z ]+(?=`)|ap-\w+")
_MOST: Final = 40


def next_calls(arguments: dict[str, Any], error: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The calls that such an agent makes next, each with one thing changed."""
    for reason in REASONS:
        yield arguments | {"reason": reason}
        yield arguments | {"reason": reason.upper()}
    for spelt in lookalike_ids(str(arguments["dataset_id"])):
        yield arguments | {"dataset_id": spelt}
    for name in PERSUASIVE_ARGUMENTS:
        yield arguments | {name: True}
    yield from _calls_from_refusal(arguments, error)


def lookalike_ids(name: str) -> list[str]:
    """Ways to write an id that a careless comparison would take for the same."""
    return [name.upper(), name.title(), f"{name}.", f" {name}", name[:-1], f"{name}0", name.replace("-", "_")]


def _calls_from_refusal(arguments: dict[str, Any], error: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every field of the refusal, every candidate, and every word in it that looks like a name of something."""
    for field, value in error.items():
        if field not in arguments:
            yield arguments | {field: value}
        yield arguments | {"reason": str(value)}
    for candidate in error.get("candidates", ()):
        yield arguments | {str(error.get("field", "reason")): candidate}
    words = sorted(set(_WORD.findall(str(error))))[:_MOST]
    for word in words:
        name = word.replace("-", "_").replace(" ", "_")
        if name not in arguments:
            yield arguments | {name: True}
        yield arguments | {"reason": word}
