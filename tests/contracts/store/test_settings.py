"""What a store keeps under the installation's setting keys, and what it says of a value that is not of its type."""

from __future__ import annotations

import logging
from dataclasses import dataclass

# msgspec reads the annotations at run time.
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING

import pytest

from domain.errors import Recovery, StoreFailedError
from domain.ports import Setting
from tests.support.entities import NOW

if TYPE_CHECKING:
    from domain.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    at: datetime
    by: tuple[str, ...] = ()


async def put(store: Store, name: str, value: object) -> None:
    await store.transact(lambda uow: uow.settings.put(Setting(name, object), value))


async def test_a_setting_is_read_as_its_type_and_kept_as_plain_json(store: Store) -> None:
    setting, value = Setting("s", Since), Since(at=NOW, by=("a", "b"))
    await store.transact(lambda uow: uow.settings.put(setting, value))

    assert await store.read(lambda uow: uow.settings.get(setting)) == value
    assert await store.read(lambda uow: uow.settings.get(Setting("s", object))) == {
        "at": "2026-03-01T12:00:00Z",
        "by": ["a", "b"],
    }
    assert await store.read(lambda uow: uow.settings.get(Setting("t", Since))) is None


@pytest.mark.parametrize("lenient", [False, True])
async def test_a_setting_that_was_taken_away_is_none_whatever_its_type(
    store: Store, *, lenient: bool
) -> None:
    setting = Setting("s", str, absent_if_unreadable=lenient)
    await store.transact(lambda uow: uow.settings.put(setting, "x"))
    assert await store.read(lambda uow: uow.settings.get(setting)) == "x"

    await store.transact(lambda uow: uow.settings.put(setting, None))

    assert await store.read(lambda uow: uow.settings.get(setting)) is None


@pytest.mark.parametrize("value", [5, ["x"], {"at": "yesterday"}, {"by": []}])
async def test_a_setting_that_cannot_be_read_as_its_type_is_an_error_and_not_absent(
    store: Store, value: object
) -> None:
    await put(store, "s", value)

    with pytest.raises(StoreFailedError, match="the setting 's' cannot be decoded") as caught:
        await store.read(lambda uow: uow.settings.get(Setting("s", Since)))

    assert caught.value.recovery is Recovery.NEEDS_HUMAN


async def test_a_setting_on_which_nothing_hangs_counts_as_absent_when_it_cannot_be_read_and_that_is_logged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await put(store, "s", 5)

    with caplog.at_level(logging.ERROR):
        assert (
            await store.read(lambda uow: uow.settings.get(Setting("s", str, absent_if_unreadable=True)))
            is None
        )

    assert "the setting 's' cannot be decoded" in caplog.text
