"""Unused entries of a repository: why a file or folder is not used, and whether that is a mistake."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.content import DEFAULT_FOLDER
from domain.model import closest_names, quote_foreign
from server.adapters.templates.catalogue.listing import (
    COMPANY_FILE,
    COMPANY_STEM,
    QUESTIONS_FILE,
    TYPES,
    template_folders,
)
from server.adapters.templates.catalogue.missing import find_uninitialised_submodule
from server.adapters.templates.formats import SUFFIXES, TEMPLATE_SUFFIXES, split_suffix
from server.adapters.templates.repositories.compressed import COMPRESSED_SUFFIXES, plain_name
from server.infra.filesystem.durable import draft_target_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from server.adapters.templates.catalogue.listing import Entry

_ARCHIVES: Final = frozenset(
    {".7z", ".rar", ".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tar.zst", ".tbz2", ".tgz", ".txz", ".tzst"}
)
_COMPRESSIONS: Final = MappingProxyType({".bz2": "bzip2", ".lz4": "LZ4", ".lzma": "LZMA", ".xz": "xz"})
"""How files are compressed that are not read, by their extensions."""
_RECORDS: Final = frozenset({".json5", ".txt", ".xls", ".xlsx", ".ods", ".xml", ".yaml", ".yml"})
"""Extensions of files in which people keep records."""
_IMPORTED: Final = re.compile(rf"(?:{'|'.join(sorted(TYPES))})-[0-9a-f]{{8}}\.jsonl")
"""The names of files in which imports write records."""
_USE_CASE_DEPTH: Final = 2


class Unused(NamedTuple):
    """Why an entry is not used. `is_mistake`: it looks as if it was meant to be."""

    reason: str
    is_mistake: bool


def explain_unused(repository: Path, entry: Entry) -> Unused:
    """Why an entry, which is neither template nor questions nor named by a template, is not used."""
    if entry.kind == "link":
        return Unused("It is a symbolic link, which is not followed.", _looks_meant(entry))
    if entry.kind == "other":
        return Unused("It is not a regular file.", _looks_meant(entry))
    if entry.kind == "folder":
        return _explain_folder(repository, entry)
    if draft_target_name(entry.parts[-1]):
        return Unused(
            "It is the draft of an import that is under way, or that was killed: then the next import of this type to "
            "this folder removes it.",
            is_mistake=False,
        )
    if entry.is_hidden:
        return Unused("Its name begins with a dot, which hides it.", is_mistake=False)
    return _explain_archive(entry.parts[-1].lower()) or _explain_place(entry) or _explain_name(entry)


def find_twins(entries: Iterable[Entry]) -> dict[str, str]:
    """Folders whose names differ only by case from that of an earlier one beside them, each with that one.

    Both are paths below the folder of templates.
    """
    first: dict[str, str] = {}
    twins: dict[str, str] = {}
    folders = sorted(
        {"/".join(each.parts[:depth]) for each in entries for depth in range(1, min(len(each.parts), 3))}
    )
    for folder in folders:
        earlier = first.setdefault(folder.casefold(), folder)
        if earlier != folder:
            twins[folder] = earlier
    return twins


def _explain_folder(repository: Path, entry: Entry) -> Unused:
    if entry.problem is not None:
        return Unused(f"The folder {entry.problem}.", is_mistake=True)
    if entry.is_hidden:
        return Unused("Its name begins with a dot, which hides the folder.", is_mistake=False)
    if submodule := find_uninitialised_submodule(repository / entry.name):
        home, path = submodule
        return Unused(
            "It is a git submodule that was not initialised: run "
            f"`git -C {home} submodule update --init {path}`.",
            is_mistake=True,
        )
    return Unused("The folder is empty.", is_mistake=False)


def _explain_archive(name: str) -> Unused | None:
    """Why a file is not used that has the name of an archive, in small letters; None when it has another name."""
    suffix = PurePosixPath(name).suffix
    if name.endswith(tuple(_ARCHIVES)):
        return Unused("It is an archive, which is not read: unpack it, and remove it.", is_mistake=True)
    if suffix == ".zip":
        return Unused(
            "It is an archive, which is not read inside of a repository: unpack it, and remove it. A zip of a whole "
            "repository is read where mock_data_repo.path names it.",
            is_mistake=True,
        )
    if suffix in _COMPRESSIONS:
        return Unused(
            f"It is compressed with {_COMPRESSIONS[suffix]}, which is not read: unpack it, or compress it with gzip "
            "or Zstandard.",
            is_mistake=True,
        )
    return None


def _explain_place(entry: Entry) -> Unused | None:
    """Why an entry is not used because of the folder that it lies in; None when it lies in the right one."""
    if template_folders(entry) is not None:
        return None
    *folders, name = entry.parts
    if named_like_a_file := next(
        (each for each in folders if split_suffix(each)[1] in TEMPLATE_SUFFIXES), None
    ):
        return Unused(
            f"It lies in a folder that is named like a file, {quote_foreign(named_like_a_file)}.",
            is_mistake=True,
        )
    is_mistake = _looks_meant(entry)
    has_records = split_suffix(name)[1].lower() in TEMPLATE_SUFFIXES
    return Unused(_describe_place(folders, name), is_mistake) if is_mistake or has_records else _NO_TEMPLATE


def _describe_place(folders: Sequence[str], name: str) -> str:
    right = _right_name(name)
    if len(folders) > _USE_CASE_DEPTH:
        return f"It lies too deep: move it to {quote_foreign('/'.join([*folders[:_USE_CASE_DEPTH], right]))}."
    if folders:
        whole = quote_foreign(f"{folders[0]}/{DEFAULT_FOLDER}/{right}")
        return (
            f"It lies in the folder of an industry: move it to the folder of a use case below it, or to {whole} "
            "for the whole industry."
        )
    return f"It lies above the folders of industries: move it to INDUSTRY/USE_CASE/{right}."


def _explain_name(entry: Entry) -> Unused:
    """Why an entry in the right folder is not used."""
    name = entry.parts[-1]
    suffix = split_suffix(name)[1]
    if name.casefold().startswith(f"{COMPANY_STEM}."):
        return Unused(f"A company is read only from {COMPANY_FILE}.", is_mistake=True)
    if plain_name(name) == QUESTIONS_FILE:
        return Unused(f"Questions are not read compressed: unpack it to {QUESTIONS_FILE}.", is_mistake=True)
    if _IMPORTED.fullmatch(name):
        return Unused(
            "It has the records of an import, and no template refers to it: delete it.", is_mistake=True
        )
    if suffix in TEMPLATE_SUFFIXES:
        types = ", ".join(sorted(TYPES))
        reason = f"Its name is not a dataset type ({types}), and no template refers to it"
    elif suffix.lower() in TEMPLATE_SUFFIXES:
        reason = "Its extension is not in small letters"
    elif _looks_meant(entry):
        shown = quote_foreign(suffix) if suffix else "none"
        return Unused(
            f"Its extension ({shown}) is none of {', '.join(SUFFIXES)}, which may have "
            f"{' or '.join(COMPRESSED_SUFFIXES)} after it.",
            is_mistake=True,
        )
    else:
        return _NO_TEMPLATE
    meant = _meant_type(name)
    return Unused(
        f"{reason}; did you mean {meant}{suffix.lower()}?" if meant else f"{reason}.", is_mistake=True
    )


_NO_TEMPLATE: Final = Unused("It is no template, and no template refers to it.", is_mistake=False)


def _looks_meant(entry: Entry) -> bool:
    """Whether somebody seems to have meant an entry to be a template, or its questions."""
    name = entry.parts[-1]
    suffix = split_suffix(name)[1].lower()
    has_records = suffix in {"", *TEMPLATE_SUFFIXES, *COMPRESSED_SUFFIXES} or suffix in _RECORDS
    return name.casefold() == QUESTIONS_FILE or (has_records and _meant_type(name) is not None)


def _right_name(name: str) -> str:
    meant = _meant_type(name)
    return f"{meant}{split_suffix(name)[1].lower()}" if meant else name


def _meant_type(name: str) -> str | None:
    """The dataset type that the name of a file may mean: in another spelling, a part of it, or with a slip."""
    return next(iter(closest_names(name.partition(".")[0], sorted(TYPES))), None)
