"""Location of a repository's templates: also found where the path that was given is one level too high or too low."""

from __future__ import annotations

import os
import posixpath
from contextlib import ExitStack, contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.errors import InvalidArgumentError, MockDataMissingError
from domain.model import DatasetType, quote_foreign
from server.adapters.templates.catalogue.missing import require_templates_folder, unreadable_repository_error
from server.adapters.templates.repositories.folder import FolderRepository
from server.adapters.templates.repositories.repository import FOLDER
from server.adapters.templates.repositories.zipped import open_zip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from server.adapters.templates.repositories import Repository
    from server.adapters.templates.repositories.zipped import ZipRepository

_TYPES: Final = frozenset(each.value for each in DatasetType)
_LAYOUT_DEPTH: Final = 2
"""A template is in the folder of a use case, in that of an industry."""


class Location(NamedTuple):
    """The repository, its folder of templates, and a notice when they were found elsewhere.

    The repository is a folder; with a `top` it is in a zip, in the folder of that name, which is empty for all of it.
    """

    repository: Path
    subdir: str
    notice: str | None = None
    top: str | None = None


@contextmanager
def open_repository(location: Location) -> Iterator[Repository]:
    """Open the repository at a location. Raises MockDataMissingError."""
    if location.top is None:
        yield FolderRepository(location.repository)
        return
    with ExitStack() as stack:
        try:
            found = stack.enter_context(open_zip(location.repository, location.top))
        except OSError as error:
            raise unreadable_repository_error(location.repository, error) from None
        yield found


def locate_templates(path: Path, subdir: str) -> Location:
    """Locate the templates of a repository at a path, which is a folder or a zip.

    `subdir` is where they are expected, such as `mock_data/templates`. A path that leads into that folder, as far as to
    the folder of a use case, or to the folder that has the repository as its only one, is followed with a notice. A zip
    may have such a folder, too, or only the last folders of `subdir`.

    Raises:
        MockDataMissingError: there are none; the error says why, and what to do.
    """
    try:
        if path.is_file():
            return _locate_in_zip(path, subdir)
        if not (path / subdir).is_dir():
            found = _find_too_low(path, subdir) or _find_too_high(path, subdir)
            if found is not None:
                return found
    except OSError as error:
        raise unreadable_repository_error(path, error) from None
    require_templates_folder(path, subdir)
    return Location(path, subdir)


def find_templates_folder(path: Path, subdir: str) -> Path:
    """The folder of templates of a repository at a path, which need not exist yet."""
    try:
        location = locate_templates(path, subdir)
    except MockDataMissingError:
        return path / subdir
    return location.repository / location.subdir


def find_place(root: Path, parts: Sequence[str], field: str) -> Path:
    """The folder below the root, which need not exist yet.

    Raises InvalidArgumentError, which names the field, for one that differs from an existing one only by case: both
    would serve the same clients, and on other systems they are one folder.
    """
    folder = root
    for part in parts:
        names: list[str] = []
        with suppress(OSError):  # it does not exist yet, or else writing says why
            names = os.listdir(folder)  # noqa: PTH208 - names are all that is needed
        twin = next((each for each in names if each != part and each.casefold() == part.casefold()), None)
        if twin is not None and part not in names:
            raise InvalidArgumentError(
                f"{quote_foreign(part)} differs only by case from the folder {quote_foreign(twin)}.",
                field=field,
                candidates=(twin,),
            )
        folder /= part
    return folder


def _locate_in_zip(path: Path, subdir: str) -> Location:
    with open_zip(path, top="") as found:
        tops = [name for name, kind in found.scan("") if kind == FOLDER]
        for top in ("", *tops):
            if found.has_folder(posixpath.join(top, subdir)):
                return Location(path, subdir, top=top)
        # Somebody zipped a folder inside of the repository, or it is in none.
        ends = subdir.split("/")
        for start, top in product(range(1, len(ends)), ("", *tops)):
            end = "/".join(ends[start:])
            if found.has_folder(posixpath.join(top, end)):
                notice = f"{quote_foreign(path.name)} has no folder {subdir}; its folder {end} was used."
                return Location(path, end, notice, top)
        for top in tops:
            if _has_template_in_zip(found, top):
                notice = f"{quote_foreign(path.name)} has no folder {subdir}; the folders of industries in its folder "
                return Location(path, top, f"{notice}{quote_foreign(top)} were used.", top="")
    raise MockDataMissingError(
        f"{path} has no folder {subdir}, neither at its top nor in a folder there.",
        field="mock_data_repo.path",
        suggested_action="Zip the folder that has mock_data in it, or check mock_data_repo.templates_subdir.",
    )


def _find_too_low(path: Path, subdir: str) -> Location | None:
    """The location, for a path between the repository and the folder of a use case, both included."""
    whole, depth = path.resolve(), len(Path(subdir).parts)
    if found := _find_repository_above(path, subdir, range(depth, 0, -1)):
        return found
    if any(_has_template(each) for each in _folders(path)):
        return Location(
            whole.parent,
            whole.name,
            f"{quote_foreign(str(path))} has no folder {subdir}; the folders of industries in it were used.",
        )
    return _find_repository_above(path, subdir, range(depth + 1, depth + _LAYOUT_DEPTH + 1))


def _find_repository_above(path: Path, subdir: str, levels: range) -> Location | None:
    """The location of the repository that is so many levels above a path."""
    parts, whole = Path(subdir).parts, path.resolve()
    for count in levels:
        within = whole.parts[len(whole.parts) - count :][: len(parts)]
        if len(whole.parts) > count and within == parts[:count] and path.joinpath(*parts[count:]).is_dir():
            # From the repository, so that a template may name a file beside its folder of templates.
            repository = whole.parents[count - 1]
            return Location(
                repository,
                subdir,
                f"{quote_foreign(str(path))} is inside of a repository; {quote_foreign(str(repository))} was used.",
            )
    return None


def _find_too_high(path: Path, subdir: str) -> Location | None:
    """The location, for a path whose one folder with templates is the repository."""
    found = [each for each in _folders(path) if (each / subdir).is_dir()]
    if len(found) != 1:
        return None
    return Location(
        found[0],
        subdir,
        f"{quote_foreign(str(path))} has no folder {subdir}; its folder {quote_foreign(found[0].name)} was used.",
    )


def _has_template(industry: Path) -> bool:
    return any(
        each.name.partition(".")[0] in _TYPES
        for use_case in _folders(industry)
        for each in use_case.iterdir()
    )


def _has_template_in_zip(repository: ZipRepository, top: str) -> bool:
    return any(
        name.partition(".")[0] in _TYPES
        for industry in _folders_in_zip(repository, top)
        for use_case in _folders_in_zip(repository, industry)
        for name, _ in repository.scan(use_case)
    )


def _folders_in_zip(repository: ZipRepository, folder: str) -> list[str]:
    return [posixpath.join(folder, name) for name, kind in repository.scan(folder) if kind == FOLDER]


def _folders(path: Path) -> list[Path]:
    """The folders in a folder; none in one that is missing or unreadable, of which its user hears anyway."""
    try:
        with os.scandir(path) as entries:
            found = sorted(each.name for each in entries if each.is_dir() and not each.name.startswith("."))
    except OSError:
        return []
    return [path / each for each in found]
