"""The product's sandbox running, with faults to script and controls in hand."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from server.composition.glean import platform as glean
from server.sandbox import serve
from server.sandbox.console.datasets import no_datasets
from server.sandbox.state.clock import Clock, utc_now
from server.sandbox.state.state import BATCH, NO_BACKGROUND
from tests.support.sandbox.control import Sandbox
from tests.support.sandbox.hooks import FaultHooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server.sandbox.console.datasets import DatasetLookup


class EmbeddedSandbox(serve.EmbeddedSandbox):
    """The product's, which has happen what is planned.

    Attributes:
        sandbox: its state, to look at and to script.
    """

    def __init__(
        self,
        path: Path,
        *,
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Clock = utc_now,
        batch: int = BATCH,
        background: bool = True,
        datasets: DatasetLookup = no_datasets,
    ) -> None:
        """Without a `background`, what a request leaves is left to the next one."""
        super().__init__(
            path,
            token=token,
            host=host,
            port=port,
            now=now,
            hooks=FaultHooks(),
            batch=batch,
            datasets=datasets,
        )
        if not background:
            self.state = replace(self.state, background=NO_BACKGROUND)
        self.sandbox = Sandbox(self.state)


def script_composed_sandboxes(set_attribute: Callable[[Any, str, object], None] = setattr) -> None:
    """Let faults be scripted in the sandboxes that the product composes in this process from now on.

    With `monkeypatch.setattr` that ends with the test.
    """
    set_attribute(glean, "EmbeddedSandbox", EmbeddedSandbox)
    set_attribute(glean, "run_forever", partial(serve.run_forever, hooks=FaultHooks()))
