"""Store retry: while the store is unavailable, a saga waits, and then continues where it was.

An unavailable store is not a failure of the step: neither the failure nor a compensation could be recorded. So the
step, which is idempotent, is run again until the store is available or the process ends.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from domain.errors import Recovery, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from domain.ports import Clock, Json, Saga, StepRunner

T = TypeVar("T")
_log: Final = logging.getLogger(__name__)

_FIRST_BACKOFF_S: Final = 0.1
_LONGEST_BACKOFF_S: Final = 5.0
_LONGEST_HUMAN_BACKOFF_S: Final = 30.0
"""A full disk needs a person, so trying more often does not help."""


def with_store_retry(saga: Saga, clock: Clock, jitter: Callable[[], float]) -> Saga:
    """The same saga, which waits while the store is unavailable; `jitter` gives numbers from 0 to 1 for the pauses.

    A wait is logged as it begins, again when it turns out to need a person, and as it ends.
    """

    async def run(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        begun = False

        async def perform_with_retry(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            nonlocal begun
            begun = True
            return await perform(
                step,
                partial(_retry_while_store_unavailable, clock, jitter, f"{saga_id}, step {step}", effect),
            )

        async def run_saga() -> StoreUnavailableError | None:
            try:
                await saga(perform_with_retry, dataset_id, saga_id)
            except StoreUnavailableError as error:
                if not begun:
                    raise
                return error  # an engine takes the steps of a saga in one order, once
            return None

        if error := await _retry_while_store_unavailable(clock, jitter, saga_id, run_saga):
            raise error

    return run


async def _retry_while_store_unavailable(
    clock: Clock, jitter: Callable[[], float], what: str, work: Callable[[], Awaitable[T]]
) -> T:
    """Repeat the work until the store is available, and return its result."""
    logged = set[Recovery]()
    pause_s = _FIRST_BACKOFF_S
    while True:
        try:
            done = await work()
        except StoreUnavailableError as error:
            human = error.recovery is Recovery.NEEDS_HUMAN
            if error.recovery not in logged:
                logged.add(error.recovery)
                _log.log(logging.ERROR if human else logging.WARNING, "%s waits: %s", what, error.message)
            await clock.sleep(pause_s * (1 + jitter()) / 2)
            pause_s = min(2 * pause_s, _LONGEST_HUMAN_BACKOFF_S if human else _LONGEST_BACKOFF_S)
        else:
            if logged:
                _log.warning("%s continues: the store is available again", what)
            return done
