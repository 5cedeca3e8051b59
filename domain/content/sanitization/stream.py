"""Sanitized records of one type of an export, as a stream: none is given before the leak check has passed it.

No error and no warning from here repeats anything of the export. What a reader says of a broken file may quote it, so
only the place is kept of that.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from domain.content.documents import InvalidRecordError, parse_members
from domain.content.population import (
    CORRECT_EXPORT,
    ExtendedRecordStream,
    export_record_error,
    withhold_values,
)
from domain.content.sanitization.sanitizer import (
    LeakChecker,
    SanitizationTally,
    Sanitizer,
    require_no_leaks,
)
from domain.errors import ExportInvalidError
from domain.model import quote_foreign
from domain.ports import RecordStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from domain.content.checks.spill import Spill
    from domain.content.sanitization.harvest import PeopleHarvest
    from domain.content.sanitization.people import People
    from domain.content.sanitization.rules import SanitizationRules
    from domain.content.sanitization.sanitizer import SanitizedRecord
    from domain.model import DatasetType, Leak, SanitizationReport

_MOST_LEAKS: Final = 1000
_TOGETHER: Final = 256
_HARMLESS: Final = re.compile(r"\d+ records are null and were skipped; positions count the others\.")
"""The warnings of readers that quote nothing, and so can be passed on."""
_BREAKING: Final = (ValueError, TypeError, RecursionError, msgspec.MsgspecError)
"""What a record may raise that nobody has ever seen. Its message may repeat the record."""


class ExportStream(RecordStream, ExtendedRecordStream, Protocol):
    """The records of one type as the export has them."""


def harvest_stream(harvest: PeopleHarvest, stream: ExportStream) -> None:
    """Take up whom the records of one type name.

    Raises ExportInvalidError for a record that cannot be parsed: who is named in it would not be known.
    """
    file = stream.file
    for position, members in _read_members(stream, file):
        with _place(file, position):
            harvest.add(members)


class SanitizedRecords:
    """The records of one type of an export, sanitized, as a stream that can be read again.

    Args:
        source: the records as the export has them.
        dataset_type: their type.
        people: whom the export names, over all of its types.
        key: the key of the installation.
        rules: the rules of the installation.
    """

    find_misfit = None

    def __init__(
        self,
        source: ExportStream,
        dataset_type: DatasetType,
        people: People,
        key: bytes,
        rules: SanitizationRules,
    ) -> None:
        self._source = source
        self._type = dataset_type
        self._sanitizer = Sanitizer(people, key, rules)
        self._checker = LeakChecker(key, rules, people)
        self._tally = SanitizationTally(people)
        self.file = source.file
        self.warnings: list[str] = []

    @property
    def spill(self) -> Spill:
        """The spill of the pass over the export."""
        return self._source.spill

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        """Batches of sanitized records.

        Raises ExportInvalidError, and LeakFoundError in the place of the first batch with a leak, once the rest has
        been checked, too.
        """
        leaks: list[Leak] = []
        lines: list[bytes] = []
        position = 0
        for position, members in _read_members(self._source, self.file):
            with _place(self.file, position):
                sanitized = self._sanitize(members)
                leaks += self._checker.check(self._type, sanitized.record, position)
                lines.append(msgspec.json.encode(sanitized.record))
            self._tally.add(sanitized)
            if len(leaks) >= _MOST_LEAKS:
                break
            if len(lines) == _TOGETHER:
                if not leaks:
                    yield lines
                lines = []
        require_no_leaks(leaks)
        if lines:
            yield lines
        if not position:
            raise ExportInvalidError(
                f"{quote_foreign(self.file)} of the export holds no records.",
                file=quote_foreign(self.file),
                suggested_action=CORRECT_EXPORT,
            )
        self._collect_warnings()

    def read_again(self) -> Iterator[Sequence[bytes]]:
        """The same records once more, which are not counted again."""
        for position, members in _read_members(self._source.read_again(), self.file):
            with _place(self.file, position):
                line = msgspec.json.encode(self._sanitize(members).record)
            yield [line]

    def build_report(self) -> SanitizationReport:
        """The report on what was read so far."""
        return self._tally.report()

    def _sanitize(self, members: Mapping[str, Any]) -> SanitizedRecord:
        return self._sanitizer.sanitize(self._type, members)

    def _collect_warnings(self) -> None:
        self.warnings += [each for each in self._source.warnings if _HARMLESS.fullmatch(each)]
        count = self._tally.report().suspect_count
        if count:
            self.warnings.append(
                f"Places that may still name somebody, for a person to look at: {count}. "
                "The dataset's details list them."
            )


def _read_members(batches: Iterable[Sequence[bytes]], file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of an export with their positions. Raises ExportInvalidError."""
    position = 0
    with withhold_values(file):
        for batch in batches:
            for line in batch:
                position += 1
                with _place(file, position):
                    members = parse_members(line)
                yield position, members


@contextmanager
def _place(file: str, position: int) -> Iterator[None]:
    """Turn whatever a record raises into an error that names its place only."""
    try:
        yield
    except (InvalidRecordError, *_BREAKING):
        raise export_record_error(file, {"position": position}) from None
