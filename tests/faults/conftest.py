"""The scenes, each prepared and acted out in calm once."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.model import Dataset
from tests.faults.scenes import SCENES, Prepared, copied, opened, prepared, told
from tests.faults.truth import Sight, effects, sight, truthful

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from domain.vocabulary import DatasetStatus


@dataclass(frozen=True, slots=True)
class Calm:
    """A scene when nothing goes wrong: the calls, each as (operation, how many of it came before), and the end."""

    calls: list[tuple[str, int]]
    effects: Counter[str]
    after: Sight
    status: DatasetStatus


@dataclass(slots=True)
class Stage:
    """Gives fresh copies of scenes, and how they go in calm."""

    folder: Callable[[str], Path]
    endings: list[tuple[str, ...]] = field(default_factory=list)
    _prepared: dict[str, Prepared] = field(default_factory=dict)
    _calm: dict[str, Calm] = field(default_factory=dict)

    async def fresh(self, scene: str) -> Prepared:
        """A copy of the scene as it is before it is acted."""
        if scene not in self._prepared:
            self._prepared[scene] = await prepared(SCENES[scene], self.folder("scene"))
        return copied(self._prepared[scene], self.folder("case"))

    async def calm(self, scene: str) -> Calm:
        """How the scene goes when nothing goes wrong."""
        if scene not in self._calm:
            acted = SCENES[scene]
            async with (
                opened(await self.fresh(scene), acted.policy) as place,
                place.process() as process,
            ):
                for fault in acted.standing:
                    place.glean.faults.add(fault)
                before, asked, ledger = (
                    sight(place),
                    _asked(place.glean.requests()),
                    len(place.glean.ledger()),
                )
                answer = await told(acted.act(process))
                dataset = await truthful(place, process, before, None, answer)
                calls = _asked(place.glean.requests()) - asked
                self._calm[scene] = Calm(
                    calls=[(name, nth) for name, count in sorted(calls.items()) for nth in range(count)],
                    effects=effects(place, ledger),
                    after=sight(place),
                    status=dataset.status,
                )
                assert isinstance(answer, Dataset) is not bool(acted.standing)
        return self._calm[scene]


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """All scenes; what every case ended in is written to the file named by FAULT_TABLE, if any."""
    stage = Stage(tmp_path_factory.mktemp)
    yield stage
    if path := os.environ.get("FAULT_TABLE"):
        Path(path).write_text("".join("\t".join(row) + "\n" for row in stage.endings))


@pytest.fixture
def read(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything that was logged or printed since the last look; no bug may have been."""

    def look() -> str:
        printed = capfd.readouterr()
        text = caplog.text + printed.out + printed.err
        caplog.clear()
        assert "failed by a bug" not in text
        assert "saga_broke" not in text
        return text

    return look


def _asked(requests: dict[tuple[str, int], int]) -> Counter[str]:
    counted = Counter[str]()
    for (operation, _), count in requests.items():
        counted[operation] += count
    return counted
