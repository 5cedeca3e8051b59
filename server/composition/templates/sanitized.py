"""The configured export of production records, and its preview. Loading the sanitizer takes time: import it late."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from domain.content.sanitization import OwnDictionary, OwnPattern, SanitizationRules
from domain.errors import SettingsError
from domain.model import SHORTEST_KEY
from server.adapters.templates.production import ExportPreview, FolderExport, TypePreview

if TYPE_CHECKING:
    from pathlib import Path

    from server.settings import SanitizationSettings

__all__ = ["ExportPreview", "TypePreview", "build_folder_export", "preview_export", "read_key_file"]

_KEY_BYTES: Final = 32


def build_folder_export(settings: SanitizationSettings, path: Path, key: bytes) -> FolderExport:
    """Build an export in a folder, with the configured rules."""
    return FolderExport(path, key, _build_rules(settings))


def preview_export(
    settings: SanitizationSettings, path: Path, key: bytes | None, samples: int
) -> tuple[ExportPreview, bool]:
    """Sanitize an export by the configured rules, and whether the key is one that was made up for this once. Blocks.

    `key` is that of a file; without it the configured one is used. Raises ExportInvalidError and SettingsError.
    """
    if key is None and settings.key is not None:
        key = settings.key.get_secret_value().encode()
    used = key or secrets.token_bytes(_KEY_BYTES)
    return build_folder_export(settings, path, used).preview(samples), key is None


def read_key_file(path: Path) -> bytes:
    """The key in a file, without the end of its line. Raises SettingsError, which does not repeat it."""
    try:
        key = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise SettingsError(
            f"The key file {path} cannot be read: {error.strerror}.", field="key-file"
        ) from None
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            f"The key in {path} has {len(key)} bytes; it must have {SHORTEST_KEY} or more.", field="key-file"
        )
    return key


def _build_rules(settings: SanitizationSettings) -> SanitizationRules:
    return SanitizationRules(
        patterns=tuple(OwnPattern(name, pattern) for name, pattern in settings.patterns.items()),
        dictionaries=tuple(OwnDictionary(name, words) for name, words in settings.dictionaries.items()),
        allowed=frozenset(settings.allowed),
        allowed_fields=frozenset(settings.allowed_fields),
    )
