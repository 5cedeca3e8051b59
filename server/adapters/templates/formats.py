"""Template formats: the format of a file, detected from its content, and the head of a template object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from domain.errors import TemplateFormatUnknownError
from domain.model import Stage, convert_plain, quote_foreign
from server.adapters.templates.readers.shape import ARRAY_OF_OBJECTS, read_shape
from server.adapters.templates.readers.tables import TABLE_SUFFIXES
from server.adapters.templates.readers.vendors import recognize_text, vendor_notation_error
from server.adapters.templates.readers.window import BOM, read_bytes
from server.adapters.templates.repositories.compressed import COMPRESSED_SUFFIXES, plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from domain.content import RecordKind
    from server.adapters.templates.readers.shape import ObjectShape
    from server.adapters.templates.readers.window import Window

SUFFIXES: Final = (".json", ".jsonl", ".ndjson", *TABLE_SUFFIXES)
TEMPLATE_SUFFIXES: Final = tuple(
    f"{each}{packed}" for each in SUFFIXES for packed in ("", *COMPRESSED_SUFFIXES)
)
"""Of two files of one type in a folder, the one with the earlier suffix is used."""
RECORDS: Final = "records"
EXPECTED: Final = (
    'an object with "records" (version 1), an object with "format_version": 2, an array, JSON Lines, '
    "or CSV with a header"
)
_MARKS: Final = frozenset({"metadata", "records", "format_version", "source"})
_USUAL: Final = frozenset(
    {"data", "issues", "items", "messages", "nodes", "pages", "records", "results", "values"}
)
"""Members in which services answer with records. An empty array has none, and is recognised by such a name only."""
_BEGIN: Final = 1024
_FEW: Final = 2
"""The fewest fields of its type by which an object with a mark of a template is a record all the same."""


class Layout(NamedTuple):
    """How the records of a JSON file are laid out.

    `format` is `object` for one that describes itself, `json-array`, `jsonl`, or `json-objects` for objects one after
    another that are not one a line. `member` is where an object has its records.
    """

    format: str
    member: str = RECORDS


def split_suffix(name: str) -> tuple[str, str]:
    """The name of a file without its extension, and the extension: with both parts where it is compressed."""
    path = PurePosixPath(name)
    inner = PurePosixPath(path.stem)
    is_double = path.suffix.lower() in COMPRESSED_SUFFIXES and inner.suffix.lower() in SUFFIXES
    suffix = inner.suffix + path.suffix if is_double else path.suffix
    return name.removesuffix(suffix), suffix


def is_table(file: BinaryIO, name: str) -> bool:
    """Whether a file is a table: by its name, unless it begins as JSON does. The file is left at its beginning."""
    if not plain_name(name).endswith(TABLE_SUFFIXES):
        return False
    begin = read_bytes(file, name, _BEGIN).removeprefix(BOM).lstrip()
    file.seek(0)
    return not begin.startswith((b"{", b"["))


def detect_layout(window: Window, kind: RecordKind) -> Layout:
    """The layout of records of that kind. Raises TemplateFormatUnknownError for content that cannot be recognised."""
    mark = window.peek()
    if mark == b"[":
        return Layout("json-array")
    if mark == b"{":
        return _object_layout(window, kind)
    if window.data.startswith(b"null"):
        return Layout("jsonl")
    if vendor := recognize_text(window.data):
        raise vendor_notation_error(window.name, vendor)
    raise unknown_format_error(
        window.name, f"a file that begins with {mark.decode('latin-1')!r}" if mark else "an empty file"
    )


def _object_layout(window: Window, kind: RecordKind) -> Layout:
    shape = read_shape(
        window,
        lambda seen: bool(seen.arrays) or _is_described(seen) or _is_record(seen, kind),
        # The records of a description may be many, and no look at them is needed to know what they are.
        lambda seen: seen.members.get(RECORDS) == ARRAY_OF_OBJECTS and not _is_record(seen, kind),
    )
    if _is_described(shape) and not _is_record(shape, kind):
        return Layout("object", _find_records_member(window, shape) or RECORDS)
    if _is_record(shape, kind):
        return _record_layout(window)
    if member := _find_records_member(window, shape):
        return Layout("object", member)
    if _MARKS.intersection(shape.members):
        return Layout("object")
    if shape.end is None and not _begins_with_broken_record(window):
        # A description over several lines that breaks off: its reader says where.
        return Layout("object")
    return _record_layout(window)


def _is_described(shape: ObjectShape) -> bool:
    """Whether an object surely describes itself: by its version, or by an array or a source of records."""
    return "format_version" in shape.members or shape.members.get(RECORDS, b"").startswith(b"[")


def _is_record(shape: ObjectShape, kind: RecordKind) -> bool:
    """Whether an object is a record: it has an id, and more of its type than a template's description may have."""
    known = kind.plan_names(list(shape.members)).sources.keys()
    if "format_version" in shape.members or known.isdisjoint(kind.identifiers):
        return False
    return not _MARKS.intersection(shape.members) or len(known) >= _FEW


def _find_records_member(window: Window, shape: ObjectShape) -> str | None:
    """The one member that is an array of objects; None without any, and where the description names its records."""
    if RECORDS in shape.members or "source" in shape.members:
        return None
    if len(shape.arrays) > 1:
        names = ", ".join(map(quote_foreign, shape.arrays))
        raise unknown_format_error(window.name, f"an object with several arrays of objects ({names})")
    empty = [each for each in shape.members if each in _USUAL and shape.members[each] == b"[]"]
    return next(iter([*shape.arrays, *empty]), None)


def _record_layout(window: Window) -> Layout:
    """The layout of records that begin with this one: lines when it is one."""
    shape = read_shape(window, lambda _: False)
    if shape.end is None:
        return Layout("jsonl")
    rest = window.data[shape.end : shape.end + 2].lstrip(b" \t\r")
    is_line = b"\n" not in window.data[: shape.end] and rest[:1] in {b"", b"\n"}
    return Layout("jsonl" if is_line else "json-objects")


def _begins_with_broken_record(window: Window) -> bool:
    """Whether an object that cannot be read is a record and no description: by the file's name, or its first line."""
    return not plain_name(window.name).endswith(".json") or window.data.split(b"\n", 1)[0].rstrip().endswith(
        b"}"
    )


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
    generator: Mapping[str, Any] | None = None
    inline: bool = False
    is_relative: bool = False
    warnings: tuple[str, ...] = ()


def parse_template_head(name: str, found: Mapping[str, Any], member: str = RECORDS) -> TemplateHead:
    """The head of a template object, from its members; `member` is where its records were found.

    Raises TemplateFormatUnknownError for an object without records.
    """
    reader = _MemberReader(
        {**_as_object(found.get("metadata")), **{k: v for k, v in found.items() if k in _BESIDE}}
    )
    source = _as_object(found.get("source"))
    version = found.get("format_version")
    inline = bool(found.get("records") is True or source.get("records") is True)
    file = source.get("file") if isinstance(source.get("file"), str) else None
    generator = source["generator"] if isinstance(source.get("generator"), dict) else None
    if not (inline or file or generator is not None):
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
    if member != RECORDS:
        reader.warnings.append(f"Its records were recognised in its member {quote_foreign(member)}.")
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
        generator=generator,
        inline=inline,
        is_relative=reader.is_relative(),
        warnings=tuple(reader.warnings),
    )


_VERSION_2: Final = 2
_KNOWN: Final = (None, 1, _VERSION_2)
_BESIDE: Final = ("name", "schema", "default_record_count", "time")
_RELATIVE: Final = "relative"


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
        found: int | None = self._read(name, int)
        if found is not None and found <= 0:
            self.warnings.append(
                f"{name!r} is {found}; a number of records is at least 1, so it was ignored."
            )
            return None
        return found

    def is_relative(self) -> bool:
        time = self.text("time")
        if time not in {None, _RELATIVE}:
            self.warnings.append(
                f"'time' is {quote_foreign(str(time))}; it can only be {_RELATIVE}, so it was ignored."
            )
        return time == _RELATIVE

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
            return convert_plain(value, kind)
        except msgspec.ValidationError:
            self.warnings.append(f"{name!r} is not of the expected type and was ignored.")
            return None
