"""The same situations where Glean speaks the Indexing dialect, in which it says and can do less.

There is no call for each thing that may go wrong: what observes asks the same as what pushes. So a method of the port
fails here where the Admin dialect has a fault in Glean.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from domain.model.schedule import HEALTH_SCHEDULE
from tests.support.resilience.faults.dialect_names import INDEXING
from tests.support.resilience.kills.scenarios.scenarios import ADMIN_SCENARIOS
from tests.support.resilience.kills.scenarios.steps import (
    KEEPING,
    delete_datasource_at_console,
    prepare_flawed_records,
    prepare_flawed_records_fast_sync,
    prepare_missing_documents,
    prepare_missing_documents_fast_sync,
    refusing_fault,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.resilience.kills.scenarios.scenarios import Scenario
    from tests.support.resilience.kills.scenarios.steps import Part

_PAGES: Final = 3
"""So many pages has what a retry brings: eight documents."""
_UNSEEN: Final[Mapping[str, Any]] = {"faults": (), "broken": frozenset({("platform", "observe")})}
_PREPARED: Final[Mapping[Part, Part]] = {
    prepare_missing_documents: prepare_flawed_records,
    prepare_missing_documents_fast_sync: prepare_flawed_records_fast_sync,
}
_OTHERWISE: Final[Mapping[str, Mapping[str, Any]]] = {
    "failed provision": _UNSEEN,
    "retry that fails when it is served": _UNSEEN,
    "failed restore": _UNSEEN,
    "failed retry": {"faults": (), "broken": frozenset({("platform", "start_sync")})},
    "failed refresh": {"faults": (), "broken": frozenset({("platform", "start_sync")})},
    "failed retry that was served unseen": {
        "faults": (refusing_fault("bulkindexdocuments", skip=_PAGES, times=1, applied=True),)
    },
    "teardown that gets stuck": {"faults": (refusing_fault(KEEPING[INDEXING]),)},
    HEALTH_SCHEDULE: {"faults": (), "first": delete_datasource_at_console, "ends": ("validating",)},
}


def _in_indexing_dialect(scene: Scenario) -> Scenario:
    changes: dict[str, Any] = {
        "name": f"{INDEXING}: {scene.name}",
        "dialect": INDEXING,
        "prepare": _PREPARED.get(scene.prepare, scene.prepare),
    }
    return replace(scene, **changes, **_OTHERWISE.get(scene.name, {}))


INDEXING_SCENARIOS: Final = {each.name: each for each in map(_in_indexing_dialect, ADMIN_SCENARIOS.values())}
SCENARIOS: Final = {**ADMIN_SCENARIOS, **INDEXING_SCENARIOS}
