"""Spellings: in which notations, and beside what, a person counts."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.sanitization import Sanitizer, harvest_people
from domain.model import DatasetType

KEY = b"of this installation"


def sanitized(text: str, *records: dict[str, Any]) -> str:
    found = Sanitizer(harvest_people(records), KEY).sanitize(
        DatasetType.SLACK_MESSAGES, {"message_id": "p1", "text": text}
    )
    return str(found.record["text"])


LONG = {"author_email": "will.long@acme.com", "author_name": "Will Long"}
LOPEZ = {"author_email": "maria.lopezina@acme.com", "author_name": "Maria Lopezina"}


@pytest.mark.parametrize(
    "text",
    [
        "we will do it before long",
        "Will it take long?",
        "Long live the queue. Will do.",
        "may take a long time, will long be gone",
        "not long @longform",
        "the will-long ratio",
    ],
)
def test_names_that_are_words_stay_words(text: str) -> None:
    assert sanitized(text, LONG) == text


@pytest.mark.parametrize(
    "text",
    [
        "Will Long",
        "WILL LONG",
        "Long, Will",
        "W. Long",
        "Long (@wlong)",
        "Mr. Long",
        "will.long@acme.com",
        "@wlong",
    ],
)
def test_names_that_are_words_count_beside_a_first_name_a_title_or_a_handle(text: str) -> None:
    assert "long" not in sanitized(text, LONG, {"text": "@wlong"}).lower()


@pytest.mark.parametrize(
    "text",
    [
        "marialopezinas",
        "xlopezina",
        "Lopezina2",
        "lopezina is small",
        "LOPEZINA-12",
        "#maria-lopezina",
        "<#C1|maria-lopezina>",
    ],
)
def test_parts_of_words_keys_and_channels_stay(text: str) -> None:
    assert sanitized(text, LOPEZ) == text


def test_a_name_is_replaced_in_its_form() -> None:
    full = sanitized("Maria Lopezina", LOPEZ)
    given, family = full.split()
    made = {
        "MARIA LOPEZINA": full.upper(),
        "maria lopezina": full.lower(),
        "Lopezina, Maria": f"{family}, {given}",
        "Lopezina, M.": f"{family}, {given[0]}.",
        "LOPEZINA Maria": f"{family} {given}",
        "M. Lopezina": f"{given[0]}. {family}",
        "M Lopezina": f"{given[0]} {family}",
        "M.Lopezina": f"{given[0]}.{family}",
        "Lopezina": family,
        "Maria": given,
        "maria_lopezina": f"{given}_{family}".lower(),
        "maria.lopezina": f"{given}.{family}".lower(),
        "maria-lopezina": f"{given}-{family}".lower(),
        "marialopezina": f"{given}-{family}".lower(),
        "mlopezina": f"{given}-{family}".lower(),
        "maria\nlopezina": f"{given} {family}".lower(),
        "maria/lopezina": f"{given}/{family}".lower(),
        "<b>Maria</b> <i>Lopezina</i>": f"<b>{given}</b> <i>{family}</i>",
        "Ma<b>ria Lope</b>zina": f"{given}<b> {family}</b>",
    }
    assert {text: sanitized(text, LOPEZ) for text in made} == made


def test_a_name_with_one_between_has_its_own_spellings() -> None:
    record = {"author_email": "x1@acme.com", "author_name": "Maria Carmen de Lopezina"}
    for text in (
        "Maria Carmen de Lopezina",
        "Maria Lopezina",
        "Carmen de Lopezina, Maria",
        "M. C. d. Lopezina",
        "Maria C. d. Lopezina",
    ):
        assert "lopezina" not in sanitized(text, record).lower()
        assert "carmen" not in sanitized(text, record).lower()
    assert len(sanitized("<b>Maria</b> <i>Carmen</i> <u>de</u> <s>Lopezina</s>", record).split()) == 4


def test_a_first_name_of_two_people_stands_for_neither() -> None:
    other = {"author_email": "maria.zelkova@acme.com", "author_name": "Maria Zelkova"}
    alone = sanitized("Maria", LOPEZ, other)
    assert alone not in {"Maria", sanitized("Maria Lopezina", LOPEZ, other).split()[0]}
    assert sanitized("Maria said, Maria did", LOPEZ, other) == f"{alone} said, {alone} did"


def test_a_service_is_no_name() -> None:
    record = {"author_email": "customer.support@acme.com", "author_name": "Deploy Bot"}
    assert (
        sanitized("customer support, deploy bot, Support", record) == "customer support, deploy bot, Support"
    )
    assert "Deploy Bot" not in sanitized("by Deploy Bot", record)
    assert sanitized("write to customer.support@acme.com", record).endswith(".example")
    assert sanitized("a bot", {"author_name": "Bot", "author_email": "x1@acme.com"}) == "a bot"


def test_a_handle_that_is_a_word_counts_behind_a_sign() -> None:
    record = {"author_email": "rocket@acme.com", "text": "@rocket"}
    made = sanitized("the rocket of @rocket", record)
    assert made.startswith("the rocket of @")
    assert not made.endswith("rocket")
    assert sanitized("ab of @ab and x9 of @x9", {"text": "@ab @x9"}).startswith("ab of @")


def test_a_name_in_a_script_without_spaces_is_found() -> None:
    made = sanitized(
        "请问王小明在吗", {"author": {"displayName": "王小明", "emailAddress": "wang.xm@acme.com"}}
    )
    assert "王小明" not in made
    assert made.startswith("请问")
    assert made.endswith("在吗")


def test_a_name_of_one_word_counts_in_capitals() -> None:
    record = {"author_email": "x1@acme.com", "author_name": "Zoltanius"}
    assert sanitized("zoltanius", record) == "zoltanius"
    assert "Zoltanius" not in sanitized("ask Zoltanius", record)
