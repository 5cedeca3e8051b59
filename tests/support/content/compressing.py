"""Compressed files, as the programs that people use write them."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def to_gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def to_zstd(content: bytes) -> bytes:
    """One frame with a checksum, as the command `zstd` writes it."""
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


COMPRESSORS = {".gz": to_gzip, ".zst": to_zstd}


def zip_files(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files by their names, in this order; a name that ends in a slash is a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def zip_folder(folder: Path, top: str = "") -> bytes:
    """A zip of a folder, in a folder `top`, as GitHub's "Download ZIP" has one."""
    files: dict[str, str | bytes] = {f"{top}/": b""} if top else {}
    for path in sorted(folder.rglob("*")):
        name = (f"{top}/" if top else "") + path.relative_to(folder).as_posix()
        files |= {f"{name}/": b""} if path.is_dir() else {name: path.read_bytes()}
    return zip_files(files)
