"""What may be a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidArgumentError
from domain.model.identifiers import IDENTIFIER, require_identifier


@given(st.from_regex(IDENTIFIER, fullmatch=True))
def test_whatever_fits_the_pattern_passes_unchanged(name: str) -> None:
    assert require_identifier(name, "client_id") == name


@pytest.mark.parametrize(
    "bad", ["", "../x", "a/b", "a\\b", "a\0b", ".hidden", "-x", "_x", "a b", "a\n", "ä", "x" * 65, "a%2fb"]
)
def test_whatever_could_lead_elsewhere_is_refused_by_field(bad: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        require_identifier(bad, "journey_id")
    assert refusal.value.field == "journey_id"


@given(st.text())
def test_a_name_that_passes_is_one_plain_path_part(name: str) -> None:
    try:
        require_identifier(name, "client_id")
    except InvalidArgumentError:
        return
    assert name not in {".", ".."}
    assert not set(name) & set("/\\\0:*?")
