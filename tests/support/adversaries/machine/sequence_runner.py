"""Where sequences are played: one event loop, one crowd of agents, and a fresh world for each sequence."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.support.adversaries.arena import (
    AgentSessions,
    ControlledInstallation,
    open_controlled_installation,
)
from tests.support.adversaries.attempts import CheckedCalls

if TYPE_CHECKING:
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from tests.support.adversaries.run_statistics import RunStatistics


class SequenceRunner:
    """The place of a whole run."""

    def __init__(
        self, portal: BlockingPortal, crowd: AgentSessions, folder: Path, figures: RunStatistics
    ) -> None:
        self.portal = portal
        self.figures = figures
        self._crowd = crowd
        self._folder = folder
        self._left = ExitStack()

    def open_world(self) -> tuple[ControlledInstallation, CheckedCalls]:
        """A world of its own for one sequence."""
        self.figures.sequences += 1
        folder = self._folder / f"{self.figures.sequences:05}"
        folder.mkdir()
        self._left = ExitStack()
        found = self._left.enter_context(
            self.portal.wrap_async_context_manager(open_controlled_installation(folder))
        )
        self._crowd.arena = found
        return found, CheckedCalls(arena=found, actors=self._crowd.actors, figures=self.figures)

    def close_world(self) -> None:
        """The sequence is over, and its folder is of no more use."""
        self._left.close()
        shutil.rmtree(self._folder / f"{self.figures.sequences:05}")
