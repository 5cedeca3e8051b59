"""Progress of a saga, as notifications to the client that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from domain.lifecycle import ProgressListener
    from domain.model import Progress
    from tools.edge.tool import EdgeContext

_TICK: Final = 0.001


def progress_forwarder(ctx: EdgeContext) -> ProgressListener:
    """A listener that sends each progress on to the client.

    The protocol wants a number that only goes up, and each step of a saga counts from 0: so the number is the steps
    begun, with the share of the running one behind the point. Its message says the counts.
    """
    began: str | None = None
    before, shown = -1, -1.0

    async def forward(progress: Progress) -> None:
        nonlocal began, before, shown
        if progress.step != began:
            began, before = progress.step, before + 1
        share = progress.done / progress.total if progress.total else 0.0
        shown = max(before + min(share, 1 - _TICK), shown + _TICK)
        counts = f" ({progress.done} of {progress.total})" if progress.total else ""
        await ctx.report_progress(shown, None, f"{progress.message}{counts}")

    return forward
