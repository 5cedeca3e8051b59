"""Progress notifications for the client that waits for a saga."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.model import printable

if TYPE_CHECKING:
    from domain.lifecycle import ProgressListener
    from domain.model import Progress
    from tools.edge.tool import EdgeContext

_TICK: Final = 0.001


def progress_forwarder(ctx: EdgeContext) -> ProgressListener:
    """Build a listener that sends each progress to the client.

    The protocol needs a number that only grows, but each step of a saga counts from 0. So the number is the count of
    steps done, plus the share of the running one as a fraction. The message has the counts of the step.
    """
    current_step: str | None = None
    steps_done, last_sent = -1, -1.0

    async def send_progress(progress: Progress) -> None:
        nonlocal current_step, steps_done, last_sent
        if progress.step != current_step:
            current_step, steps_done = progress.step, steps_done + 1
        share = progress.done / progress.total if progress.total else 0.0
        last_sent = max(steps_done + min(share, 1 - _TICK), last_sent + _TICK)
        counts = f" ({progress.done} of {progress.total})" if progress.total else ""
        await ctx.report_progress(last_sent, None, f"{printable(progress.message)}{counts}")

    return send_progress
