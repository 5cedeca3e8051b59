"""What `doctor` says of work that was stopped for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.errors import SagaDeadLetterError
from server.adapters.engine.engine import DurableEngine
from server.adapters.engine.null_engine import NullEngine
from server.adapters.engine.sqlite_journal import SqliteJournal
from server.doctor.dead_letters import require_no_dead_letters

if TYPE_CHECKING:
    from pathlib import Path

    from domain.ports.engine import Json, StepRunner


def test_nothing_stopped_is_well() -> None:
    assert require_no_dead_letters([], []) == "none was stopped"


def test_what_was_stopped_is_named_up_to_a_point() -> None:
    with pytest.raises(SagaDeadLetterError) as found:
        require_no_dead_letters([f"d{number}" for number in range(21)], ["schedule:health:2026-03-01"])
    assert found.value.message.startswith("22 stopped for good: d0; d1; ")
    assert found.value.message.endswith("; d19 and 2 more.")
    assert "datasets show" in found.value.suggested_action


async def test_a_saga_that_is_tried_no_more_is_told_of_without_the_engine(tmp_path: Path) -> None:
    async def walk(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        async def effect() -> Json:
            return {}

        await perform("walk", effect)

    assert DurableEngine.describe_dead_letters(tmp_path, 2) == []
    async with DurableEngine(tmp_path, {"walk": walk}) as engine:
        await engine.start("walk", "s1", "ds-1")
        assert await engine.wait("s1", 30)
    journal = SqliteJournal(tmp_path / "engine.sqlite")
    journal._execute("update workflow_status set status = 'PENDING'", {})  # noqa: SLF001
    journal.record_attempt("s1", "run")
    assert DurableEngine.describe_dead_letters(tmp_path, 3) == []
    assert DurableEngine.describe_dead_letters(tmp_path, 2) == ["s1, after 2 tries of 'run'"]
    journal.record_attempt("s1", "walk")  # which is done
    assert DurableEngine.describe_dead_letters(tmp_path, 2) == []


async def test_who_runs_no_sagas_knows_of_none_that_is_stranded(tmp_path: Path) -> None:
    await NullEngine(tmp_path).discard_saga("s1")
    assert list(await NullEngine(tmp_path).fetch_dead_letters()) == []
