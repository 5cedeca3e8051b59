"""A configuration to be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import SettingsError
from server.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


class ConfigFiles:
    """A working folder and a data folder, and the loading of what a test puts there."""

    def __init__(self, root: Path) -> None:
        self.cwd = root / "cwd"
        self.data = root / "data"
        self.file = self.cwd / "config.yaml"
        self.cwd.mkdir()

    def load(self, text: str | bytes | None = None, /, **environ: str) -> Settings:
        if text is None:
            return load_settings(environ, None, self.data, cwd=self.cwd)
        self.file.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_settings(environ, self.file, self.data, cwd=self.cwd)

    def load_error(self, text: str | bytes | None = None, /, **environ: str) -> SettingsError:
        with pytest.raises(SettingsError) as caught:
            self.load(text, **environ)
        return caught.value
