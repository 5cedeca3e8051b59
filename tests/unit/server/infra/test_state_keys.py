"""Where the keys come from that seal what a client holds while a question is open."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError
from server.infra.state_keys import STATE_KEY_FILE, load_state_keys
from server.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from server.settings import Settings

ONE, TWO = "one" * 12, "two" * 12


def settings(folder: Path, text: str = "") -> Settings:
    if not text:
        return load_settings({}, None, folder / "data", cwd=folder)
    file = folder / "config.yaml"
    file.write_text(f"dataops:\n  http:\n    state_keys: {text}\n")
    return load_settings({"ONE": ONE}, file, folder / "data", cwd=folder)


def test_the_data_folder_keeps_one_for_all_who_come(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: load_state_keys((), tmp_path / "data"), range(32)))
    assert {tuple(each) for each in found} == {tuple(found[0])}
    file = tmp_path / "data" / STATE_KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [file.read_text()] == found[0]
    assert len(file.read_text()) == 64


def test_two_folders_have_two(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert load_state_keys((), tmp_path / "a") != load_state_keys((), tmp_path / "b")


def test_those_of_the_configuration_stand_in_its_order_and_the_folder_keeps_none(tmp_path: Path) -> None:
    found = settings(tmp_path, f"['${{ONE}}', ' {TWO} ']")
    assert load_state_keys([each.get_secret_value() for each in found.http.state_keys], found.data_dir) == [
        ONE,
        TWO,
    ]
    assert not (tmp_path / "data").exists()
    assert {ONE, TWO} <= found.secrets()
    assert ONE not in repr(found)
    assert ONE not in found.model_dump_json()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[short]", "http.state_keys must each have 32 random characters or more"),
        ("['${NOT_SET}']", "http.state_keys.0 needs the environment variable NOT_SET"),
        (f"['{ONE}', '{ONE}']", "http.state_keys must differ from each other"),
        (f"['{ONE}', ' {ONE}']", "http.state_keys must differ from each other"),
    ],
)
def test_a_key_that_will_not_do_is_refused_and_not_shown(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, text)
    assert words in caught.value.message
    assert "short]" not in caught.value.message
    assert ONE not in caught.value.message


@pytest.mark.parametrize("content", [b"x", b"\xff" * 64, b"G" * 64])
def test_a_file_that_holds_none_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "data" / STATE_KEY_FILE
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="does not contain a key"):
        load_state_keys((), tmp_path / "data")
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match="The data folder cannot be used"):
        load_state_keys((), tmp_path / "data")
