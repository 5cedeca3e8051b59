"""Toolsets."""

from __future__ import annotations

import pytest

from domain.errors import InvalidArgumentError
from tools.toolsets import select_tools


def test_the_default_tools_are_always_there_and_once() -> None:
    assert [each.name for each in select_tools(["datasets"])] == [each.name for each in select_tools()]


def test_a_toolset_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        select_tools(["dataset"])
    assert (refused.value.field, refused.value.candidates) == ("toolsets", ("datasets",))
