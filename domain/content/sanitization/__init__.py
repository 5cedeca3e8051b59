"""Sanitization: production records without the people, numbers, addresses and secrets of the export they come from.

It has a front door of its own beside that of `domain.content`: its search and its patterns take time to load, and most
processes never sanitize anything.

Two passes: `harvest_people` (or `PeopleHarvest`, record by record) reads whom an export names, over all of its types;
`Sanitizer` then takes each record. `LeakChecker` reads what came out, and `SanitizationTally` makes the report.
`SanitizedRecords` does all of it for the records of one type.
"""

from __future__ import annotations

from domain.content.sanitization.detectors import Kind
from domain.content.sanitization.harvest import PeopleHarvest, harvest_people
from domain.content.sanitization.people import People, Person
from domain.content.sanitization.rules import OwnDictionary, OwnPattern, SanitizationRules
from domain.content.sanitization.sanitizer import (
    LeakChecker,
    SanitizationTally,
    SanitizedRecord,
    Sanitizer,
    check_leaks,
    require_no_leaks,
)
from domain.content.sanitization.stream import SanitizedRecords, harvest_stream
from domain.model import SHORTEST_KEY

__all__ = [
    "SHORTEST_KEY",
    "Kind",
    "LeakChecker",
    "OwnDictionary",
    "OwnPattern",
    "People",
    "PeopleHarvest",
    "Person",
    "SanitizationRules",
    "SanitizationTally",
    "SanitizedRecord",
    "SanitizedRecords",
    "Sanitizer",
    "check_leaks",
    "harvest_people",
    "harvest_stream",
    "require_no_leaks",
]
