"""The switches, as they are described."""

from __future__ import annotations

from server.sandbox.state.switches import Switches
from tests.support.sandbox.settings import DOCUMENTED_DELAYS


def test_every_switch_is_described() -> None:
    described = Switches.__doc__ or ""
    assert [each for each in Switches.__struct_fields__ if f" {each}: " not in described] == []
    assert set(DOCUMENTED_DELAYS) <= set(Switches.__struct_fields__)
