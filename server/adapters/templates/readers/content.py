"""Content that is no text: recognised by its first bytes, and refused with what to do instead."""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign

_UNPACK: Final = "Unpack it beside the archive, and call again."


class _Content(NamedTuple):
    """What a file is that begins so, and what to do about it."""

    begin: bytes
    what: str
    action: str


_CONTENTS: Final = (
    # https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: the first line of every pointer.
    _Content(
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer: the file itself is not in this checkout",
        "Run `git lfs pull` in the repository (it needs git-lfs), and call again.",
    ),
    # Excel's and LibreOffice's own formats are ZIP archives, too.
    _Content(
        b"PK\x03\x04",
        "a ZIP archive or a spreadsheet in its program's own format",
        "Unpack an archive; save a spreadsheet as CSV in UTF-8; then call again.",
    ),
    _Content(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Office document in the format of before 2007",
        "Save it as CSV in UTF-8, and call again.",
    ),
    _Content(b"\x1f\x8b", "compressed with gzip", _UNPACK),
    _Content(b"\x28\xb5\x2f\xfd", "compressed with Zstandard", _UNPACK),
    _Content(b"BZh", "compressed with bzip2", _UNPACK),
    _Content(b"\xfd7zXZ\x00", "compressed with xz", _UNPACK),
    _Content(b"%PDF-", "a PDF document", "Export the records as JSON or CSV, and call again."),
)


def require_text(begin: bytes, name: str) -> None:
    """Require that a file which begins so may be text. Raises TemplateInvalidError with what it is and what to do."""
    found = next((each for each in _CONTENTS if begin.startswith(each.begin)), None)
    if found is not None:
        raise TemplateInvalidError(
            f"{quote_foreign(name)} is {found.what}.",
            file=quote_foreign(name),
            suggested_action=found.action,
        )
