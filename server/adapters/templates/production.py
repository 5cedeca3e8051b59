"""Export of production records: a folder with one file for each type, which leave it sanitized only."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from anyio import to_thread

from domain.content import withhold_values
from domain.content.sanitization import (
    LeakChecker,
    PeopleHarvest,
    SanitizationRules,
    SanitizedRecords,
    harvest_stream,
)
from domain.errors import ExportInvalidError, LeakFoundError, MockDataMissingError
from domain.model import DatasetType, Template, decode_json, quote_foreign
from server.adapters.templates.formats import SUFFIXES, TEMPLATE_SUFFIXES, split_suffix
from server.adapters.templates.records import TemplateRecords
from server.adapters.templates.repositories.folder import FolderRepository
from server.adapters.templates.repositories.repository import FILE, FileChangedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from domain.content.sanitization import People
    from domain.model import SanitizationReport
    from server.adapters.templates.repositories.repository import StoredFile

_CHUNK: Final = 1 << 20
_FIELD: Final = "sanitization.export_path"
_WITHOUT: Final = (
    "Put the missing files there, or have sanitization.export_path name the folder that has them."
)
_NO_RULES: Final = SanitizationRules()


@dataclass(frozen=True, slots=True)
class TypePreview:
    """What the sanitizer makes of the records of one type. With a leak, no records are given after it."""

    dataset_type: DatasetType
    file: str
    report: SanitizationReport
    samples: tuple[Mapping[str, Any], ...]
    leaks: tuple[Mapping[str, Any], ...]
    leak_count: int


@dataclass(frozen=True, slots=True)
class ExportPreview:
    """What the sanitizer makes of an export, type by type."""

    types: tuple[TypePreview, ...]

    @property
    def leak_count(self) -> int:
        """How many values were left."""
        return sum(each.leak_count for each in self.types)


class FolderExport:
    """Implements `ports.ProductionExport` over a folder.

    The people of all types are harvested each time a type is opened, since whoever is named in one may be mentioned in
    another. Every file must then still have the bytes that it had for the harvest.
    """

    def __init__(self, path: Path, key: bytes, rules: SanitizationRules = _NO_RULES) -> None:
        self._path = path
        self._key = key
        self._rules = rules

    async def require_usable(self) -> None:
        await to_thread.run_sync(self._require_usable)

    @contextmanager
    def open_records(self, dataset_type: DatasetType) -> Iterator[SanitizedRecords]:
        files, folder = self._find_files(), _ProvenFolder(self._path)
        people = _harvest(files, folder)
        with self._open_sanitized(folder, dataset_type, files[dataset_type], people) as stream:
            yield stream

    def preview(self, samples: int) -> ExportPreview:
        """Sanitize all of the export and keep nothing but a few records. Blocks.

        Raises ExportInvalidError and SettingsError.
        """
        self._require_usable()
        files, folder = self._find_files(), _ProvenFolder(self._path)
        people = _harvest(files, folder)
        each_type = []
        for number, (dataset_type, name) in enumerate(files.items()):
            share = samples // len(files) + (number < samples % len(files))
            with self._open_sanitized(folder, dataset_type, name, people) as stream:
                each_type.append(_preview_type(stream, dataset_type, share))
        return ExportPreview(tuple(each_type))

    @contextmanager
    def _open_sanitized(
        self, folder: _ProvenFolder, dataset_type: DatasetType, name: str, people: People
    ) -> Iterator[SanitizedRecords]:
        with _open_file(folder, dataset_type, name) as source:
            yield SanitizedRecords(source, dataset_type, people, self._key, self._rules)

    def _find_files(self) -> dict[DatasetType, str]:
        """The name of the file of each type. Raises ExportInvalidError."""
        found: dict[str, list[str]] = {each.value: [] for each in DatasetType}
        for name, _ in _scan(self._path):
            stem, suffix = split_suffix(name)
            if stem in found and suffix.lower() in TEMPLATE_SUFFIXES:
                found[stem].append(name)
        missing = [stem for stem, names in found.items() if not names]
        if missing:
            raise ExportInvalidError(
                f"The export {self._path} has no file for {', '.join(missing)}. All four types are read to find its "
                f"people; a file is named after its type, with {', '.join(SUFFIXES)}.",
                field=_FIELD,
                suggested_action=_WITHOUT,
            )
        for names in found.values():
            if len(names) > 1:
                raise ExportInvalidError(
                    f"The export {self._path} has several files of one type: {', '.join(sorted(names))}.",
                    field=_FIELD,
                    suggested_action="Leave one file of each type in it.",
                )
        return {DatasetType(stem): names[0] for stem, names in found.items()}

    def _require_usable(self) -> None:
        self._find_files()
        LeakChecker(self._key, self._rules)


def _harvest(files: Mapping[DatasetType, str], folder: _ProvenFolder) -> People:
    """Whom the files name, all of them together."""
    harvest = PeopleHarvest()
    for dataset_type, name in files.items():
        with _open_file(folder, dataset_type, name) as source:
            harvest_stream(harvest, source)
    return harvest.finish()


def _preview_type(stream: SanitizedRecords, dataset_type: DatasetType, samples: int) -> TypePreview:
    shown: list[Mapping[str, Any]] = []
    facts: Mapping[str, Any] = {}
    try:
        for batch in stream:
            shown += [decode_json(each, dict[str, Any]) for each in batch[: samples - len(shown)]]
    except LeakFoundError as error:
        facts = error.facts
    return TypePreview(
        dataset_type,
        stream.file,
        stream.build_report(),
        tuple(shown),
        tuple(facts.get("leaks", ())),
        facts.get("leak_count", 0),
    )


class _ProvenFolder:
    """A folder whose files have the same bytes each time they are opened: nobody new comes in after the harvest."""

    def __init__(self, path: Path) -> None:
        self._folder = FolderRepository(path)
        self._known: dict[str, str] = {}

    def scan(self, folder: str) -> Sequence[tuple[str, str]]:
        return self._folder.scan(folder)

    @contextmanager
    def open(self, name: str) -> Iterator[StoredFile]:
        with self._folder.open(name) as file:
            digest, identity = _hash(file), file.identity
        with self._folder.open(name) as file:
            if file.identity != identity or self._known.setdefault(name, digest) != digest:
                raise _changed_error(name)
            yield file


def _hash(file: StoredFile) -> str:
    digest = sha256()
    file.stored.seek(0)
    while data := file.stored.read(_CHUNK):
        digest.update(data)
    return digest.hexdigest()


@contextmanager
def _open_file(folder: _ProvenFolder, dataset_type: DatasetType, name: str) -> Iterator[TemplateRecords]:
    described = Template(
        template_id=f"export/{dataset_type}",
        name=name,
        industry="export",
        use_case="export",
        dataset_type=dataset_type,
        format="unknown",
        source=name,
    )
    with withhold_values(name), ExitStack() as stack:
        try:
            yield TemplateRecords(folder, described, stack)
            stack.close()  # here, where a file that has changed is told from one that cannot be read
        except FileChangedError:
            raise _changed_error(name) from None
        except MockDataMissingError:
            raise ExportInvalidError(
                f"{name} of the export, or a file that it names, is not there.",
                file=name,
                suggested_action=_WITHOUT,
            ) from None


def _scan(path: Path) -> Sequence[tuple[str, str]]:
    try:
        found = FolderRepository(path).scan("")
    except OSError as error:
        raise ExportInvalidError(
            f"The export {path} cannot be read: {error.strerror}.",
            field=_FIELD,
            suggested_action="Have sanitization.export_path name a folder that this account can read.",
        ) from None
    return [(name, kind) for name, kind in found if kind == FILE]


def _changed_error(name: str) -> ExportInvalidError:
    shown = quote_foreign(name)
    return ExportInvalidError(
        f"{shown} of the export was changed while it was being read.",
        file=shown,
        suggested_action="Let the export be written to its end, do not change it while it is read, and call again.",
    )
