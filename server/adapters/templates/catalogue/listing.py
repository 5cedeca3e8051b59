"""Listing of a repository: every file and folder below the folder of templates, with what each of them may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.content import DEFAULT_FOLDER
from domain.model import DatasetType
from server.adapters.templates.formats import TEMPLATE_SUFFIXES, split_suffix
from server.adapters.templates.repositories.repository import FILE, FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.templates.repositories import Repository

TYPES: Final = frozenset(each.value for each in DatasetType)
QUESTIONS_FILE: Final = "questions.json"
COMPANY_STEM: Final = "company"
COMPANY_FILE: Final = f"{COMPANY_STEM}.yaml"
"""The file that specifies the made-up company of whose records data of its folder are generated."""
_FOLDER_DEPTH: Final = 2
"""Templates are in the folder of a use case, which is in the folder of an industry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder below the folder of templates.

    `name` is its path in the repository, `parts` is that below the folder of templates. `kind` is one of
    those of a repository. `problem` says why a folder could not be listed. A folder is an entry
    only where nothing of it is listed: it is empty, hidden or unreadable.
    """

    name: str
    parts: tuple[str, ...]
    kind: str
    problem: str | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether it has a name by which programs hide their own files from people."""
        return self.parts[-1].startswith(".")


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A file that may contain records: its path in the repository, and the facts from its folders."""

    name: str
    industry: str
    use_case: str
    stem: str
    suffix: str

    @property
    def template_id(self) -> str:
        """The template's id, `industry/use_case/type`, from the folders."""
        return f"{self.industry}/{self.use_case}/{self.stem}"

    @property
    def is_template(self) -> bool:
        """Whether it has the name of a dataset type."""
        return self.stem in TYPES

    @property
    def is_question_file(self) -> bool:
        """Whether it is the file of questions of its folder."""
        return f"{self.stem}{self.suffix}" == QUESTIONS_FILE


def list_entries(repository: Repository, subdir: str, *, deep: bool) -> list[Entry]:
    """Every entry, sorted by name; without `deep` only the folders of the layout are read.

    A folder that cannot be read is one entry. Raises OSError when the folder of templates itself cannot be read.
    """
    repository.scan(subdir)  # its error is the caller's; that of a folder below it is an entry
    return sorted(_walk(repository, subdir, (), deep=deep), key=lambda each: each.name)


def find_template_file(entry: Entry) -> TemplateFile | None:
    """The entry as a file with a template's suffix in a folder of the layout; None when it is none."""
    folders = template_folders(entry)
    stem, suffix = split_suffix(entry.parts[-1])
    if folders is None or entry.kind == FOLDER or entry.is_hidden or suffix not in TEMPLATE_SUFFIXES:
        return None
    return TemplateFile(entry.name, *folders, stem, suffix)


def is_company_file(entry: Entry) -> bool:
    """Whether an entry is the file by which the data of its folder's templates are generated."""
    return entry.kind == FILE and entry.parts[-1] == COMPANY_FILE and template_folders(entry) is not None


def template_folders(entry: Entry) -> tuple[str, str] | None:
    """The industry and use case in whose folder an entry lies; None when it lies elsewhere."""
    match entry.parts[:-1]:
        case (industry, use_case):
            return industry, use_case
        case (industry,) if industry == DEFAULT_FOLDER:
            return DEFAULT_FOLDER, DEFAULT_FOLDER
    return None


def _walk(repository: Repository, name: str, parts: tuple[str, ...], *, deep: bool) -> Iterator[Entry]:
    try:
        children = repository.scan(name)
    except OSError as error:
        yield Entry(name, parts, FOLDER, f"cannot be read: {error.strerror}")
        return
    if not children and parts:
        yield Entry(name, parts, FOLDER)
    for child, kind in children:
        its = (*parts, child)
        below = f"{name}/{child}"
        if kind != FOLDER or child.startswith("."):
            yield Entry(below, its, kind)
        elif deep or len(its) <= _FOLDER_DEPTH:
            yield from _walk(repository, below, its, deep=deep)
