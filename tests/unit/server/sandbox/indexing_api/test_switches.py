"""The switches, as the guide tells them."""

from __future__ import annotations

from pathlib import Path

from server.sandbox.indexing_api.switches import DOCUMENTED_DELAYS, Switches

GUIDE = Path(__file__).parents[5] / "docs" / "sandbox.md"


def test_every_switch_is_in_the_guide() -> None:
    told = GUIDE.read_text(encoding="utf-8")
    assert [each for each in Switches.__struct_fields__ if f"`{each}`" not in told] == []
    assert set(DOCUMENTED_DELAYS) <= set(Switches.__struct_fields__)
