from __future__ import annotations

from server.adapters.templates.exports.people import find_address


def test_an_address_that_is_known_beats_a_name() -> None:
    assert find_address("Kim Vega", "kim@vega.example") == "kim@vega.example"
    assert find_address(None, " ", "Kim Vega", "acc-1") == "kim-vega@people.example"
    assert find_address(None, "") is None
