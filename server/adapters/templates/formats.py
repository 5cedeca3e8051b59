"""Template formats: the format of a file, detected from its content, and the head of a template object."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.errors import TemplateFormatUnknownError
from domain.model import Stage, quote_foreign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.adapters.templates.readers.window import Window

SUFFIXES: Final = (".json", ".jsonl", ".csv")
"""Of two files of one type in a folder, the one with the earlier suffix is used."""
EXPECTED: Final = (
    'an object with "records" (version 1), an object with "format_version": 2, an array, JSON Lines, '
    "or CSV with a header"
)
_MARKS: Final = frozenset({"metadata", "records", "format_version", "source"})
_MARK: Final = re.compile(rb'"(?:metadata|records|format_version|source)"\s*:')


def detect_format(window: Window) -> str:
    """The format: `object`, `json-array` or `jsonl`. Raises TemplateFormatUnknownError for any other beginning."""
    mark = window.peek()
    if mark == b"[":
        return "json-array"
    if mark == b"{":
        return "object" if _is_template(window) else "jsonl"
    raise unknown_format_error(
        window.name, f"a file that begins with {mark.decode('latin-1')!r}" if mark else "an empty file"
    )


def _is_template(window: Window) -> bool:
    line = window.data.split(b"\n", 1)[0]
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # A template over several lines, or on a line longer than the window; or a first record that is broken.
        return not window.name.endswith(".jsonl") and (
            _MARK.search(window.data) is not None or not _is_whole_record(line)
        )
    return bool(_MARKS.intersection(found))


def _is_whole_record(line: bytes) -> bool:
    """Whether a first line that cannot be decoded ends like a whole record."""
    return line.rstrip().endswith(b"}")


def unknown_format_error(name: str, found: str) -> TemplateFormatUnknownError:
    """The error with the file, what was found in it and what was expected."""
    return TemplateFormatUnknownError(
        f"{quote_foreign(name)}: found {found}, expected {EXPECTED}.",
        file=quote_foreign(name),
        found=found,
        expected=EXPECTED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateHead:
    """The head of a template: its description of itself. A member of a wrong type becomes a warning."""

    format: str = "json-v1"
    version: int | None = None
    name: str | None = None
    industry: str | None = None
    use_case: str | None = None
    stage: Stage = Stage.SANDBOX
    tags: tuple[str, ...] = ()
    custom_fields: Mapping[str, Any] | None = None
    schema: Mapping[str, Any] | None = None
    default_record_count: int | None = None
    file: str | None = None
    generated: bool = False
    inline: bool = False
    warnings: tuple[str, ...] = ()


def parse_template_head(name: str, found: Mapping[str, Any]) -> TemplateHead:
    """The head of a template object, from its members.

    Raises TemplateFormatUnknownError for an object without records.
    """
    reader = _MemberReader(
        {**_as_object(found.get("metadata")), **{k: v for k, v in found.items() if k in _BESIDE}}
    )
    source = _as_object(found.get("source"))
    version = found.get("format_version")
    inline = bool(found.get("records") is True or source.get("records") is True)
    file = source.get("file") if isinstance(source.get("file"), str) else None
    generated = isinstance(source.get("generator"), dict)
    if not (inline or file or generated):
        raise unknown_format_error(
            name,
            f"an object without records (version {quote_foreign(str(version))})"
            if version
            else "an object without records",
        )
    if version not in _KNOWN:
        reader.warnings.append(
            f"Format version {quote_foreign(str(version))} is unknown; its records were recognised all the same."
        )
    return TemplateHead(
        format="v2" if version == _VERSION_2 else "json-v1" if version in _KNOWN else "unknown",
        version=version if isinstance(version, int) else None,
        name=reader.text("name"),
        industry=reader.text("industry"),
        use_case=reader.text("use_case"),
        stage=reader.stage(),
        tags=reader.tags(),
        custom_fields=reader.mapping("custom_fields"),
        schema=reader.mapping("schema"),
        default_record_count=reader.count("default_record_count"),
        file=file,
        generated=generated,
        inline=inline,
        warnings=tuple(reader.warnings),
    )


_VERSION_2: Final = 2
_KNOWN: Final = (None, 1, _VERSION_2)
_BESIDE: Final = ("name", "schema", "default_record_count")


def _as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class _MemberReader:
    """Reads members of expected types; a member of another type becomes a warning."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members
        self.warnings: list[str] = []

    def text(self, name: str) -> str | None:
        found: str | None = self._read(name, str)
        return found

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        found: dict[str, Any] | None = self._read(name, dict[str, Any])
        return found

    def count(self, name: str) -> int | None:
        found = self._read(name, int)
        return found if found is None or found > 0 else None

    def tags(self) -> tuple[str, ...]:
        return self._read("tags", tuple[str, ...]) or ()

    def stage(self) -> Stage:
        return self._read("stage", Stage) or Stage.SANDBOX

    # Any, because the result is of the type that `kind` describes.
    def _read(self, name: str, kind: Any) -> Any:  # noqa: ANN401
        value = self._members.get(name)
        if value is None:
            return None
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError:
            self.warnings.append(f"{name!r} is not of the expected type and was ignored.")
            return None
