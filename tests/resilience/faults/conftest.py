"""The scenes, each prepared and acted out in calm once."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.model.dataset import Dataset
from tests.support.resilience.faults.invariants import (
    ExternalState,
    capture_external_state,
    check_consistency,
    platform_effects,
)
from tests.support.resilience.faults.scenarios import (
    SCENARIOS,
    PreparedScenario,
    copy_scenario,
    open_scenario,
    prepare_scenario,
    result_or_error,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from domain.model.enums import DatasetStatus


@dataclass(frozen=True, slots=True)
class UndisturbedRun:
    """A scene when nothing goes wrong: the calls, each as (operation, how many of it came before), and the end."""

    calls: list[tuple[str, int]]
    effects: Counter[str]
    after: ExternalState
    status: DatasetStatus


@dataclass(slots=True)
class ScenarioRunner:
    """Gives fresh copies of scenes, and how they go in calm."""

    folder: Callable[[str], Path]
    endings: list[tuple[str, ...]] = field(default_factory=list)
    _prepared: dict[str, PreparedScenario] = field(default_factory=dict)
    _calm: dict[str, UndisturbedRun] = field(default_factory=dict)

    async def copy_prepared(self, scene: str) -> PreparedScenario:
        """A copy of the scene as it is before it is acted."""
        if scene not in self._prepared:
            self._prepared[scene] = await prepare_scenario(SCENARIOS[scene], self.folder("scene"))
        return copy_scenario(self._prepared[scene], self.folder("case"))

    async def run_undisturbed(self, scene: str) -> UndisturbedRun:
        """How the scene goes when nothing goes wrong."""
        if scene not in self._calm:
            acted = SCENARIOS[scene]
            async with (
                open_scenario(await self.copy_prepared(scene), acted.policy) as place,
                place.open_process() as process,
            ):
                for fault in acted.standing_faults:
                    place.glean.faults.add(fault)
                before, asked, ledger = (
                    capture_external_state(place),
                    _count_requests(place.glean.request_counts()),
                    len(place.glean.ledger()),
                )
                answer = await result_or_error(acted.act(process))
                dataset = await check_consistency(place, process, before, None, answer)
                calls = _count_requests(place.glean.request_counts()) - asked
                self._calm[scene] = UndisturbedRun(
                    calls=[(name, nth) for name, count in sorted(calls.items()) for nth in range(count)],
                    effects=platform_effects(place, ledger),
                    after=capture_external_state(place),
                    status=dataset.status,
                )
                assert isinstance(answer, Dataset) is not bool(acted.standing_faults)
        return self._calm[scene]


@pytest.fixture(scope="session")
def scenario_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScenarioRunner]:
    """All scenes; what every case ended in is written to the file named by FAULT_TABLE, if any."""
    stage = ScenarioRunner(tmp_path_factory.mktemp)
    yield stage
    if path := os.environ.get("FAULT_TABLE"):
        Path(path).write_text("".join("\t".join(row) + "\n" for row in stage.endings))


@pytest.fixture
def read_output(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything that was logged or printed since the last look; no bug may have been."""

    def read_since() -> str:
        printed = capfd.readouterr()
        text = caplog.text + printed.out + printed.err
        caplog.clear()
        assert "failed by a bug" not in text
        assert "saga_broke" not in text
        return text

    return read_since


def _count_requests(requests: dict[tuple[str, int], int]) -> Counter[str]:
    counted = Counter[str]()
    for (operation, _), count in requests.items():
        counted[operation] += count
    return counted
