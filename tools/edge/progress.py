"""Progress notifications for the client that waits for a saga."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.model import printable

if TYPE_CHECKING:
    from domain.lifecycle import ProgressListener, SagaDefinition
    from domain.model import Dataset, Progress
    from tools.edge.tool import EdgeContext

_TICK: Final = 0.001
_WAITING: Final = "waiting for it"


async def begin_progress(ctx: EdgeContext, dataset: Dataset, saga: SagaDefinition) -> ProgressListener:
    """Tell the client at once that the call waits, if it does, and build a listener that sends it each progress.

    The protocol needs a number that only grows, but each step of a saga counts from 0. So the number is the steps
    before the running one, plus its share as a fraction, and `total` is the number of all steps. What is no step, such
    as a compensation, moves the number as little as can be. The message has the dataset's name, and the counts of the
    step.
    """
    positions = {each.name: position for position, each in enumerate(saga.steps)}
    last_sent = -_TICK

    async def send(number: float, message: str) -> None:
        nonlocal last_sent
        last_sent = max(number, last_sent + _TICK)
        await ctx.report_progress(last_sent, len(positions), printable(f"{dataset.name}: {message}"))

    async def send_progress(progress: Progress) -> None:
        share = progress.done / progress.total if progress.total else 0.0
        counts = f" ({progress.done} of {progress.total})" if progress.total else ""
        await send(positions.get(progress.step, 0) + min(share, 1 - _TICK), f"{progress.message}{counts}")

    if dataset.run is not None:
        await send(0.0, _WAITING)
    return send_progress
