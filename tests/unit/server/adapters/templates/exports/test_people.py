from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.checks import _ADDRESS
from server.adapters.templates.exports.people import find_address, is_address, made_up_address


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("Mira Okafor", "mira.okafor@people.example"),
        ("  MIRA  okafor ", "mira.okafor@people.example"),
        ("Zoë Åberg-Lund", "zoe.aberg.lund@people.example"),
        ("李雷", "李雷@people.example"),
    ],
)
def test_the_same_person_has_the_same_address(name: str, address: str) -> None:
    assert made_up_address(name) == address


@given(st.text(max_size=200))
def test_every_made_up_address_is_valid(name: str) -> None:
    assert _ADDRESS.fullmatch(made_up_address(name))
    assert is_address(made_up_address(name))


def test_long_names_with_the_same_beginning_are_different_people() -> None:
    assert made_up_address("x" * 90 + "a") != made_up_address("x" * 90 + "b")


def test_an_address_that_is_known_beats_a_name() -> None:
    assert find_address("Kim Vega", "kim@vega.example") == "kim@vega.example"
    assert find_address(None, " ", "Kim Vega", "acc-1") == "kim.vega@people.example"
    assert find_address(None, "") is None
