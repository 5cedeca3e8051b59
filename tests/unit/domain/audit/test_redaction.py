"""What a caller gave, as it goes on record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.redaction import REDACTED, redact, redact_arguments, redact_text

SECRET = "glean-key-17"
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=25,
)


def test_arguments_are_kept_as_they_were_given() -> None:
    given = {"client_id": "acme", "record_count": 5, "retry": True, "wait_s": 2.5, "stage": None}
    assert redact_arguments(given, given.keys(), ()) == given
    assert redact_arguments(given, None, (SECRET,)) == given


def test_of_an_argument_that_nobody_knows_only_the_name_is_kept_short_and_printable() -> None:
    given = {"client_id": "acme", "\x1b[31mconfirm\n" + "x" * 500: True, "approval": {"by": "me"}}
    assert redact_arguments(given, ["client_id"], ()) == {
        "client_id": "acme",
        "\\x1b[31mconfirm\\n" + "x" * 43 + "…": REDACTED,
        "approval": REDACTED,
    }


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (f"Bearer {SECRET}", REDACTED),
        ("glean-key-1", "glean-key-1"),
        ("x" * 201, "x" * 200 + "…"),
        ("x" * 199 + SECRET, REDACTED),
        ("\ud800", "�"),
        ("\x1b[31m\u202e\U000e0041", "�[31m��"),
        (17, 17),
        (-(1 << 63), str(-(1 << 63))),
        ((1 << 63) - 1, (1 << 63) - 1),
        ([SECRET, "a", [1, ["deep"]]], [REDACTED, "a", [1, ["deep"]]]),
        ([[[["deeper"]]]], [[[REDACTED]]]),
        ({SECRET: 1, "b": {"c": SECRET}}, {REDACTED: 1, "b": {"c": REDACTED}}),
        (("a", b"bytes"), ["a", "b'bytes'"]),
        (list(range(30)), list(range(20))),
    ],
)
def test_a_value_is_bounded_and_without_secrets(value: object, kept: object) -> None:
    assert redact(value, (SECRET,)) == kept


def test_a_number_may_be_the_secret() -> None:
    assert redact(998877, ("998877",)) == REDACTED


def test_a_text_may_be_longer_where_that_is_said() -> None:
    assert redact_text("x" * 300, (), 250) == "x" * 250 + "…"
    assert redact({"a": "x" * 300}, (), longest=300) == {"a": "x" * 300}


@given(st.dictionaries(st.text(), ANY_JSON), st.text(min_size=1, max_size=3))
def test_no_secret_is_left_whatever_was_given(given: dict[str, Any], secret: str) -> None:
    kept = redact_arguments(given, None, (secret,))
    assert all(secret not in each for each in _texts(kept) if each != REDACTED)
    json.dumps(kept).encode()


@given(st.dictionaries(st.text(), ANY_JSON))
def test_what_is_kept_is_bounded_whatever_was_given(given: dict[str, Any]) -> None:
    kept = redact_arguments(given, None, ())
    assert len(kept) <= 20
    assert all(len(each) <= 201 for each in _texts(kept))


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [each for pair in value.items() for part in pair for each in _texts(part)]
    if isinstance(value, list):
        return [each for part in value for each in _texts(part)]
    return [value] if isinstance(value, str) else []
