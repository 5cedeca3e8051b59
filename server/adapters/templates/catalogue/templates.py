"""Template catalogue: the layout of a repository's folders, and each template's own description."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from domain.content import GENERATED_TYPES, RECORD_KINDS
from domain.errors import LifecycleError, require_present
from domain.model import GENERATED_FORMAT, DatasetType, Generator, Template, quote_foreign
from server.adapters.templates.catalogue.listing import (
    Entry,
    find_template_file,
    is_company_file,
    list_entries,
    template_folders,
)
from server.adapters.templates.catalogue.location import open_repository
from server.adapters.templates.catalogue.side_files import (
    questions_path,
    read_company_files,
    read_question_files,
)
from server.adapters.templates.explanations import explain_error
from server.adapters.templates.formats import (
    TEMPLATE_SUFFIXES,
    TemplateHead,
    detect_layout,
    is_table,
    parse_template_head,
)
from server.adapters.templates.readers.objects import read_object_records
from server.adapters.templates.readers.window import CHUNK, Window, read_bytes
from server.adapters.templates.repositories import resolve_sibling
from server.adapters.templates.repositories.repository import FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

    from domain.content import CompanySpecification
    from domain.model import GoldenQuestion
    from server.adapters.templates.catalogue.listing import TemplateFile
    from server.adapters.templates.catalogue.location import Location
    from server.adapters.templates.formats import Layout
    from server.adapters.templates.repositories import Repository, StoredFile

_READ_TO_THE_END: Final = 4 << 20
"""So many bytes of a file are read for members after the records, even if metadata came before."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that has the name of a template, with the template that it is and the path of the file that it names."""

    place: TemplateFile
    template: Template
    names: str | None


@dataclass(frozen=True, slots=True)
class Survey:
    """All that is in the folders of a repository: its entries, and the templates that serve, in the order of ids.

    `superseded` are the files of types that another file serves, each with that one, and `named` the files that
    templates name for their records.
    """

    entries: list[Entry]
    templates: list[Template]
    superseded: Mapping[str, str]
    named: frozenset[str]
    question_files: frozenset[str]
    company_files: frozenset[str]


class TemplateCatalogue:
    """The templates of a repository. A file is read again only after it has changed."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._cache: dict[str, tuple[tuple[int, ...], Candidate]] = {}
        self._questions = read_question_files()
        self._companies = read_company_files()

    def list_templates(self) -> list[Template]:
        """Every template, in the order of the ids, with the questions of its folder."""
        return self.survey(deep=False).templates

    def survey(self, *, deep: bool, checkpoint: Callable[[], None] = lambda: None) -> Survey:
        """All that is in the repository; without `deep` only in the folders of the layout.

        `checkpoint` is called often, and may raise to end the work. Raises OSError when the folder of templates cannot
        be read, and MockDataMissingError when the repository cannot be.
        """
        with open_repository(self._location) as repository:
            return self._survey(repository, deep=deep, checkpoint=checkpoint)

    def _survey(self, repository: Repository, *, deep: bool, checkpoint: Callable[[], None]) -> Survey:
        entries = list_entries(repository, self._location.subdir, deep=deep)
        candidates: defaultdict[str, list[Candidate]] = defaultdict(list)
        question_files = set()
        for entry in entries:
            place = find_template_file(entry)
            if place is not None and place.is_template:
                candidates[place.template_id].append(self._load_candidate(repository, place, checkpoint))
            elif place is not None and place.is_question_file:
                question_files.add(place.name)
        own = {template_id: _choose_template(found) for template_id, found in candidates.items()}
        companies = [each for each in entries if is_company_file(each)]
        for entry in companies:
            own |= {each.template_id: each for each in self._generated_templates(repository, entry, own)}
        templates = [own[template_id] for template_id in sorted(own)]
        serving = {each.template_id: each.source for each in templates}
        found = [each for group in candidates.values() for each in group]
        return Survey(
            entries=entries,
            templates=[
                self._with_questions(repository, each)
                if each.has_records and questions_path(each.source) in question_files
                else each
                for each in templates
            ],
            company_files=frozenset(each.name for each in companies),
            superseded={
                each.place.name: serving[each.place.template_id]
                for each in found
                if each.place.name != serving[each.place.template_id]
            },
            named=frozenset(each.names for each in found if each.names is not None),
            question_files=frozenset(question_files),
        )

    def load_template(self, name: str) -> Template:
        """The template of one file, whatever others serve its type. Raises MockDataMissingError."""
        with open_repository(self._location) as repository:
            parts = name.removeprefix(f"{self._location.subdir}/").split("/")
            place = find_template_file(Entry(name, tuple(parts), FILE))
            if place is None or not place.is_template:
                raise AssertionError(f"{name} has no name of a template")
            template = self._load_candidate(repository, place, lambda: None).template
            questions_file = questions_path(name)
            beside = {child for child, _ in repository.scan(posixpath.dirname(name))}
            if posixpath.basename(questions_file) not in beside:
                return template
            return self._with_questions(repository, template)

    def read_company(self, repository: Repository, template: Template) -> CompanySpecification:
        """The company of a template's generated data. Raises TemplateInvalidError and MockDataMissingError."""
        generator = require_present(template.generator, "the choice of a template required a generator")
        return self._companies.read(repository, generator.file)

    def _generated_templates(
        self, repository: Repository, entry: Entry, own: Mapping[str, Template]
    ) -> Iterator[Template]:
        """The templates of the folder of a company's file, each with that as its generator."""
        industry, use_case = require_present(template_folders(entry), "a company's file lies in a folder")
        for dataset_type in GENERATED_TYPES:
            template_id = f"{industry}/{use_case}/{dataset_type.value}"
            template = own.get(template_id) or Template(
                template_id=template_id,
                name=template_id,
                industry=industry,
                use_case=use_case,
                dataset_type=dataset_type,
                format=GENERATED_FORMAT,
                version=1,
                source=entry.name,
            )
            if template.generator is None:
                template = self._with_generator(repository, template, entry.name)
            yield template

    def read_questions(self, name: str) -> Mapping[DatasetType, tuple[GoldenQuestion, ...]]:
        """The content of a file of questions. Raises TemplateInvalidError and MockDataMissingError."""
        with open_repository(self._location) as repository:
            return self._questions.read(repository, name)

    def _with_questions(self, repository: Repository, template: Template) -> Template:
        try:
            found = self._questions.read(repository, questions_path(template.source))
        except LifecycleError as error:
            warning = f"Its golden questions are not used: {error.message}"
            return replace(template, questions=None, warnings=(*template.warnings, warning))
        return replace(template, questions=found.get(template.dataset_type, ()))

    def _load_candidate(
        self, repository: Repository, place: TemplateFile, checkpoint: Callable[[], None]
    ) -> Candidate:
        try:
            with repository.open(place.name) as file:
                cached = self._cache.get(place.name)
                if cached is None or cached[0] != file.identity:
                    cached = (file.identity, _read_candidate(place, file, checkpoint))
                    self._cache[place.name] = cached
            candidate = cached[1]
        except LifecycleError as error:
            return Candidate(place, _broken_template(place, error), None)
        if candidate.template.has_records:
            return candidate
        company_file = candidate.names or place.name
        return replace(candidate, template=self._with_generator(repository, candidate.template, company_file))

    def _with_generator(self, repository: Repository, template: Template, file: str) -> Template:
        """The template with a company's file as its generator, and a warning where that cannot be read."""
        records, warnings = None, template.warnings
        try:
            records = self._companies.read(repository, file).records
        except LifecycleError as error:
            warnings = (*warnings, explain_error(error))
        if not template.has_records and records is not None:
            records = template.default_record_count or records
            template = replace(template, default_record_count=records)
        return replace(template, generator=Generator(file=file, records=records), warnings=warnings)


def _choose_template(found: list[Candidate]) -> Template:
    """The one template of several files for one id; a file that another of them names is no rival of it."""
    named = {each.names for each in found}
    serving = sorted(
        (each for each in found if each.place.name not in named),
        key=lambda each: TEMPLATE_SUFFIXES.index(each.place.suffix),
    )
    template = serving[0].template if serving else found[0].template
    ignored = [each.place.name for each in serving[1:]]
    if not ignored:
        return template
    warning = f"{', '.join(ignored)} is not used: {template.source} serves the same type."
    return replace(template, warnings=(*template.warnings, warning))


def _read_candidate(place: TemplateFile, file: StoredFile, checkpoint: Callable[[], None]) -> Candidate:
    head = TemplateHead(format="csv")
    if not is_table(file.content, place.name):
        window = Window(file.content, place.name)
        layout = detect_layout(window, RECORD_KINDS[DatasetType(place.stem)])
        head = (
            parse_template_head(place.name, _read_members(window, layout, checkpoint), layout.member)
            if layout.format == "object"
            else TemplateHead(format=layout.format)
        )
    template = Template(
        template_id=place.template_id,
        name=head.name or place.template_id,
        industry=place.industry,
        use_case=place.use_case,
        dataset_type=DatasetType(place.stem),
        stage=head.stage,
        tags=head.tags,
        custom_fields=head.custom_fields or {},
        format=head.format if head.generator is None else GENERATED_FORMAT,
        schema=head.schema,
        default_record_count=head.default_record_count,
        version=head.version,
        is_relative=head.is_relative,
        checksum=_hash_file(file.stored, place.name, checkpoint),
        source=place.name,
        warnings=(*file.warnings, *head.warnings, *_folder_mismatch_warnings(place, head)),
    )
    beside = head.file if head.generator is None else head.generator.get("file")
    return Candidate(
        place, template, resolve_sibling(place.name, beside) if isinstance(beside, str) else None
    )


def _read_members(window: Window, layout: Layout, checkpoint: Callable[[], None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in read_object_records(window, found, member=layout.member):
        checkpoint()
        if window.size_read > _READ_TO_THE_END and "metadata" in found:
            break
    return found


def _hash_file(file: BinaryIO, name: str, checkpoint: Callable[[], None]) -> str:
    """The SHA-256 of the whole file as it is stored, in hexadecimal digits."""
    digest = sha256()
    file.seek(0)
    while data := read_bytes(file, name, CHUNK):
        digest.update(data)
        checkpoint()
    return digest.hexdigest()


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
        warnings=(explain_error(error),),
    )
