"""The same situations where Glean speaks the Indexing dialect, in which it says and can do less.

There is no call for each thing that may go wrong: what observes asks the same as what pushes. So a method of the port
fails here where the Admin dialect has a fault in Glean.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from domain.schedules import HEALTH
from tests.faults.killing.acts import (
    KEEPING,
    deleted_at_the_console,
    flawed,
    flawed_and_quick,
    refused,
    short,
    short_and_quick,
)
from tests.faults.killing.scenes import ADMIN_SCENES
from tests.faults.speaking import INDEXING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.killing.acts import Part
    from tests.faults.killing.scenes import Scene

_PAGES: Final = 3
"""So many pages has what a retry brings: eight documents."""
_UNSEEN: Final[Mapping[str, Any]] = {"faults": (), "broken": frozenset({("platform", "observe")})}
_PREPARED: Final[Mapping[Part, Part]] = {short: flawed, short_and_quick: flawed_and_quick}
_OTHERWISE: Final[Mapping[str, Mapping[str, Any]]] = {
    "failed provision": _UNSEEN,
    "retry that fails when it is served": _UNSEEN,
    "failed restore": _UNSEEN,
    "failed retry": {"faults": (), "broken": frozenset({("platform", "sync")})},
    "failed retry that was served unseen": {
        "faults": (refused("bulkindexdocuments", skip=_PAGES, times=1, applied=True),)
    },
    "teardown that gets stuck": {"faults": (refused(KEEPING[INDEXING]),)},
    HEALTH: {"faults": (), "first": deleted_at_the_console, "ends": ("validating",)},
}


def _spoken(scene: Scene) -> Scene:
    changes: dict[str, Any] = {
        "name": f"{INDEXING}: {scene.name}",
        "dialect": INDEXING,
        "prepare": _PREPARED.get(scene.prepare, scene.prepare),
    }
    return replace(scene, **changes, **_OTHERWISE.get(scene.name, {}))


INDEXING_SCENES: Final = {each.name: each for each in map(_spoken, ADMIN_SCENES.values())}
SCENES: Final = {**ADMIN_SCENES, **INDEXING_SCENES}
