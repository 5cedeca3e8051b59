"""Sanitization: production records without the people, numbers, addresses and secrets of the export they come from.

Two passes: `harvest_people` (or `PeopleHarvest`, record by record) reads whom an export names, over all of its types;
`Sanitizer` then takes each record. `LeakChecker` reads what came out, and `SanitizationTally` makes the report.
"""

from __future__ import annotations

from domain.content.sanitization.detectors import Kind
from domain.content.sanitization.harvest import PeopleHarvest, harvest_people
from domain.content.sanitization.people import People, Person
from domain.content.sanitization.pseudonyms import SHORTEST_KEY
from domain.content.sanitization.rules import OwnDictionary, OwnPattern, SanitizationRules
from domain.content.sanitization.sanitizer import (
    LeakChecker,
    SanitizationTally,
    SanitizedRecord,
    Sanitizer,
    check_leaks,
    require_no_leaks,
)

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
    "Sanitizer",
    "check_leaks",
    "harvest_people",
    "require_no_leaks",
]
