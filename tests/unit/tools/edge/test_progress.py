"""Progress, as the client that waits hears of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from domain.model.run import Progress
from tests.support.content.hostile_text import HOSTILE, unprintable_characters
from tools.edge.progress import progress_forwarder

if TYPE_CHECKING:
    from tools.edge.tool import EdgeContext


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
    forward = progress_forwarder(cast("EdgeContext", client))
    for each in shown:
        await forward(each)
    return client


async def test_each_step_is_a_whole_number_and_its_share_stands_behind_the_point() -> None:
    client = await hear(
        Progress(step="populate", done=0, total=200, message="Reading"),
        Progress(step="populate", done=100, total=200, message="Reading"),
        Progress(step="connect", message="Connecting"),
        Progress(step="push", done=50, total=200, message="Sending"),
    )
    assert client.heard == [
        (0.0, None, "Reading (0 of 200)"),
        (0.5, None, "Reading (100 of 200)"),
        (1.0, None, "Connecting"),
        (2.25, None, "Sending (50 of 200)"),
    ]


async def test_what_is_told_is_printable_text() -> None:
    client = await hear(Progress(step="populate", message=f"Reading {HOSTILE}"))
    assert unprintable_characters(client.heard[0][2] or "") == set()


@given(
    st.lists(
        st.builds(
            Progress,
            step=st.sampled_from("abc"),
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
