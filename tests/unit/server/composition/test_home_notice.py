"""What a server says at its start of the Glean that its data folder belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from domain.connectors.home_platform import BEFORE_HOME, HOME
from domain.model.connector import EMBEDDED_SANDBOX, Fingerprint
from server.adapters.store.sqlite.store import SqliteStore
from server.composition.glean.home_notice import configured_platform, describe_home
from server.settings import load_settings
from tests.support.entities import connector

if TYPE_CHECKING:
    from pathlib import Path

    from domain.ports import UnitOfWork
    from server.settings import Settings

SANDBOX: Final = Fingerprint(dialect="admin", url=EMBEDDED_SANDBOX, tenant="t1")
GLEAN: Final = Fingerprint(dialect="indexing", url="https://acme-be.glean.com")
ACME: Final = {"GLEAN_DIALECT": GLEAN.dialect, "GLEAN_BASE_URL": GLEAN.url, "GLEAN_API_KEY": "k"}


def settings_for(folder: Path, **environ: str) -> Settings:
    return load_settings(environ, data_dir=folder, cwd=folder)


async def put_home(settings: Settings, home: Fingerprint | None, before: Fingerprint | None = None) -> None:
    def put(uow: UnitOfWork) -> None:
        uow.settings.put(HOME, home)
        uow.settings.put(BEFORE_HOME, connector(fingerprint=before) if before else None)

    async with SqliteStore(settings.store_path) as store:
        await store.transact(put)


async def test_nothing_is_said_of_a_folder_that_is_as_configured_or_new(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    assert configured_platform(settings).kind == "embedded_sandbox"
    assert describe_home(settings) == ""
    await put_home(settings, None)
    assert describe_home(settings) == ""
    await put_home(settings, SANDBOX)
    assert describe_home(settings) == ""


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_folder_of_another_glean_is_named_with_what_to_do(tmp_path: Path, recorded: bool) -> None:
    settings = settings_for(tmp_path)
    await put_home(settings, GLEAN if recorded else None, GLEAN)
    told = describe_home(settings)
    for words in (GLEAN.url, "nothing is begun here", "HOME, PATH, USER, LOGNAME, SHELL, TERM"):
        assert words in told


async def test_a_folder_of_the_sandbox_says_when_it_follows(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, **ACME)
    await put_home(settings, SANDBOX)
    assert "Once none lives there any more, the next one is made" in describe_home(settings)


def test_a_store_that_cannot_be_read_is_left_to_the_services(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    settings.store_path.write_bytes(b"this is no database" * 100)
    assert describe_home(settings) == ""


def test_replicas_compare_their_glean_when_they_open_the_database(tmp_path: Path) -> None:
    shared = ACME | {"DATABASE_URL": "postgresql://u@127.0.0.1:1/d"}
    assert describe_home(settings_for(tmp_path, **shared)) == ""
