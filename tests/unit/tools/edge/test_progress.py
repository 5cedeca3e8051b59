"""Progress, as the client that waits hears of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from domain.lifecycle import PROVISION_SAGA
from domain.model.run import Progress, Run
from tests.support.content.hostile_text import HOSTILE, unprintable_characters
from tests.support.entities import NOW, dataset
from tools.edge.progress import begin_progress

if TYPE_CHECKING:
    from tools.edge.tool import EdgeContext


RUNNING = dataset(run=Run.start(PROVISION_SAGA.kind, dataset().dataset_id, 1, NOW))


class Client:
    """A client that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, float | None, str | None]] = []

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        self.heard.append((progress, total, message))


async def hear(*shown: Progress) -> Client:
    client = Client()
    forward = await begin_progress(cast("EdgeContext", client), RUNNING, PROVISION_SAGA)
    for each in shown:
        await forward(each)
    return client


async def test_a_step_is_a_whole_number_of_all_steps_and_its_share_stands_behind_the_point() -> None:
    client = await hear(
        Progress(step="populate", done=0, total=200, message="Reading"),
        Progress(step="populate", done=100, total=200, message="Reading"),
        Progress(step="connect", message="Connecting"),
        Progress(step="index", done=50, total=200, message="Syncing"),
        Progress(step="undo index", message="undo index …"),
    )
    steps, name = len(PROVISION_SAGA.steps), RUNNING.name
    assert client.heard == [
        (0.0, steps, f"{name}: waiting for it"),
        (1.0, steps, f"{name}: Reading (0 of 200)"),
        (1.5, steps, f"{name}: Reading (100 of 200)"),
        (2.0, steps, f"{name}: Connecting"),
        (4.25, steps, f"{name}: Syncing (50 of 200)"),
        (4.251, steps, f"{name}: undo index …"),
    ]


async def test_a_call_that_need_not_wait_reports_nothing() -> None:
    client = Client()
    await begin_progress(cast("EdgeContext", client), dataset(), PROVISION_SAGA)
    assert client.heard == []


async def test_what_is_told_is_printable_text() -> None:
    client = await hear(Progress(step="populate", message=f"Reading {HOSTILE}"))
    assert unprintable_characters(client.heard[1][2] or "") == set()


@given(
    st.lists(
        st.builds(
            Progress,
            step=st.sampled_from(["populate", "index", "undo index", "announce"]),
            done=st.integers(0, 30),
            total=st.none() | st.integers(0, 20),
            message=st.just("m"),
        ),
        max_size=40,
    )
)
async def test_the_number_only_goes_up_whatever_the_saga_reports(shown: list[Progress]) -> None:
    numbers = [number for number, _, _ in (await hear(*shown)).heard]
    assert all(before < after for before, after in itertools.pairwise(numbers))
