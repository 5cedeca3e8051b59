"""Content that is no text: recognised by its first bytes, and refused with what to do instead."""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign

_UNPACK: Final = "Unpack it, remove the archive, and call again."
_UNPACK_ONCE: Final = "Unpack it once, and call again."
_COMPRESS_OTHERWISE: Final = "Unpack it, or compress it with gzip or Zstandard, and call again."


class _Content(NamedTuple):
    """What a file is that begins so, or has this at another place, and what to do about it."""

    begin: bytes
    what: str
    action: str
    at: int = 0


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
    # Once unpacked, a file that was compressed with these has to be text.
    _Content(b"\x1f\x8b", "compressed twice, with gzip inside", _UNPACK_ONCE),
    _Content(b"\x28\xb5\x2f\xfd", "compressed twice, with Zstandard inside", _UNPACK_ONCE),
    _Content(b"BZh", "compressed with bzip2", _COMPRESS_OTHERWISE),
    _Content(b"\xfd7zXZ\x00", "compressed with xz", _COMPRESS_OTHERWISE),
    _Content(b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    _Content(b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    _Content(b"ustar", "a tar archive", _UNPACK, at=257),
    _Content(b"%PDF-", "a PDF document", "Export the records as JSON or CSV, and call again."),
)


def require_text(begin: bytes, name: str) -> None:
    """Require that a file which begins so may be text. Raises TemplateInvalidError with what it is and what to do."""
    found = next((each for each in _CONTENTS if begin.startswith(each.begin, each.at)), None)
    if found is not None:
        raise TemplateInvalidError(
            f"{quote_foreign(name)} is {found.what}.",
            file=quote_foreign(name),
            suggested_action=found.action,
        )
