"""Template catalogue: the layout of a repository's folders, and each template's own description."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, cast

from domain.content import DEFAULT_FOLDER
from domain.errors import LifecycleError
from domain.model import DatasetType, Template, quote_foreign
from server.adapters.templates import questions
from server.adapters.templates.formats import SUFFIXES, TemplateHead, detect_format, parse_template_head
from server.adapters.templates.questions import QuestionFiles
from server.adapters.templates.readers.objects import read_object_records
from server.adapters.templates.readers.repository_file import open_repository_file, resolve_sibling
from server.adapters.templates.readers.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import FileIO
    from pathlib import Path
    from typing import BinaryIO

    from domain.model import GoldenQuestion

_TYPES: Final = frozenset(each.value for each in DatasetType)
_FOLDER_DEPTH: Final = 2
"""Templates are in the folder of a use case, which is in the folder of an industry."""
_READ_TO_THE_END: Final = 4 << 20
"""Up to this many bytes a file is read to its end for members after the records, even if metadata came before."""


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
    def is_question_file(self) -> bool:
        """Whether it is the file of questions of its folder."""
        return f"{self.stem}{self.suffix}" == questions.QUESTIONS_FILE


def list_template_files(repository: Path, subdir: str) -> list[TemplateFile]:
    """Every file with a template's suffix in the folders of the layout, sorted."""
    found = []
    for name in sorted(_walk_files(repository, subdir)):
        path = PurePosixPath(name)
        folders = path.relative_to(subdir).parts[:-1]
        if len(folders) == 1 and folders[0] == DEFAULT_FOLDER:
            folders = (DEFAULT_FOLDER, DEFAULT_FOLDER)
        if len(folders) == _FOLDER_DEPTH and path.suffix in SUFFIXES:
            found.append(
                TemplateFile(name, folders[0], folders[1], path.name.removesuffix(path.suffix), path.suffix)
            )
    return found


def _walk_files(repository: Path, folder: str, depth: int = 0) -> Iterator[str]:
    with os.scandir(repository / folder) as entries:
        for entry in entries:
            name = f"{folder}/{entry.name}"
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < _FOLDER_DEPTH:
                    yield from _walk_files(repository, name, depth + 1)
            else:
                yield name


class TemplateCatalogue:
    """The templates of a repository. A file is read again only after it has changed."""

    def __init__(self, repository: Path, subdir: str) -> None:
        self._repository = repository
        self._subdir = subdir
        self._cache: dict[str, tuple[tuple[int, ...], Template, str | None]] = {}
        self._questions = QuestionFiles(repository)

    def list_templates(self) -> list[Template]:
        """Every template, in the order of the ids, with the questions of its folder."""
        candidates: defaultdict[str, list[tuple[TemplateFile, Template, str | None]]] = defaultdict(list)
        question_files = set()
        for place in list_template_files(self._repository, self._subdir):
            if place.stem in _TYPES:
                candidates[place.template_id].append((place, *self._load_template(place)))
            elif place.is_question_file:
                question_files.add(place.name)
        chosen = [_choose_template(candidates[template_id]) for template_id in sorted(candidates)]
        return [
            self._with_questions(each) if questions.questions_path(each.source) in question_files else each
            for each in chosen
        ]

    def list_unrecognized_files(self) -> list[str]:
        """Files in the folders of the layout that are neither template nor questions, and that no template names."""
        found = list_template_files(self._repository, self._subdir)
        named = {file for place in found if place.stem in _TYPES for _, file in (self._load_template(place),)}
        return [
            place.name
            for place in found
            if place.stem not in _TYPES and not place.is_question_file and place.name not in named
        ]

    def load_questions(self) -> dict[str, Mapping[DatasetType, tuple[GoldenQuestion, ...]] | LifecycleError]:
        """The content of every file of questions, by path; the error of one that is invalid."""
        found: dict[str, Mapping[DatasetType, tuple[GoldenQuestion, ...]] | LifecycleError] = {}
        for place in list_template_files(self._repository, self._subdir):
            if place.is_question_file:
                try:
                    found[place.name] = self._questions.read(place.name)
                except LifecycleError as error:
                    found[place.name] = error
        return found

    def _with_questions(self, template: Template) -> Template:
        try:
            found = self._questions.read(questions.questions_path(template.source))
        except LifecycleError as error:
            warning = f"Its golden questions are not used: {error.message}"
            return replace(template, questions=None, warnings=(*template.warnings, warning))
        return replace(template, questions=found.get(template.dataset_type, ()))

    def _load_template(self, place: TemplateFile) -> tuple[Template, str | None]:
        try:
            with open_repository_file(self._repository, place.name) as file:
                status = os.fstat(file.fileno())
                identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                cached = self._cache.get(place.name)
                if cached is None or cached[0] != identity:
                    cached = (identity, *_read_template(place, file, status.st_size))
                    self._cache[place.name] = cached
            return cached[1], cached[2]
        except LifecycleError as error:
            return _broken_template(place, error), None


def _choose_template(found: list[tuple[TemplateFile, Template, str | None]]) -> Template:
    named = {file for _, _, file in found}
    serving = sorted(
        (SUFFIXES.index(place.suffix), position)
        for position, (place, _, _) in enumerate(found)
        if place.name not in named
    )
    template = found[serving[0][1]][1] if serving else found[0][1]
    ignored = [found[position][0].name for _, position in serving[1:]]
    if not ignored:
        return template
    warning = f"{', '.join(ignored)} is not used: {template.source} serves the same type."
    return replace(template, warnings=(*template.warnings, warning))


def _read_template(place: TemplateFile, file: BinaryIO, size: int) -> tuple[Template, str | None]:
    """The template of a file, and the path of the file that it names for its records; None when it names none."""
    head = TemplateHead(format="csv")
    if place.suffix != ".csv":
        window = Window(file, place.name)
        form = detect_format(window)
        head = (
            parse_template_head(place.name, _read_members(window, size))
            if form == "object"
            else TemplateHead(format=form)
        )
    file.seek(0)
    checksum = file_digest(cast("FileIO", file), "sha256").hexdigest()
    template = Template(
        template_id=place.template_id,
        name=head.name or place.template_id,
        industry=place.industry,
        use_case=place.use_case,
        dataset_type=DatasetType(place.stem),
        stage=head.stage,
        tags=head.tags,
        custom_fields=head.custom_fields or {},
        format=head.format,
        schema=head.schema,
        default_record_count=head.default_record_count,
        version=head.version,
        checksum=checksum,
        source=place.name,
        warnings=(*head.warnings, *_folder_mismatch_warnings(place, head)),
    )
    return template, resolve_sibling(place.name, head.file) if head.file else None


def _read_members(window: Window, size: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in read_object_records(window, found):
        if size > _READ_TO_THE_END and "metadata" in found:
            break
    return found


def _folder_mismatch_warnings(place: TemplateFile, head: TemplateHead) -> Iterator[str]:
    for what, in_metadata, of_folder in (
        ("industry", head.industry, place.industry),
        ("use case", head.use_case, place.use_case),
    ):
        if in_metadata is not None and in_metadata != of_folder:
            named, used = quote_foreign(in_metadata), quote_foreign(of_folder)
            yield f"Its metadata name the {what} {named}, but its folder {used}, which is used."


def _broken_template(place: TemplateFile, error: LifecycleError) -> Template:
    """A template that cannot be read. It is listed with a warning; using it raises the error."""
    return Template(
        template_id=place.template_id,
        name=place.template_id,
        industry=place.industry,
        use_case=place.use_case,
        dataset_type=DatasetType(place.stem),
        format="unknown",
        source=place.name,
        warnings=(error.message,),
    )
