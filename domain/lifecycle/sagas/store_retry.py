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


class StoreWaits:
    """The sagas of this process that wait for a database, each with the error that it waits for to pass."""

    def __init__(self) -> None:
        self._errors: dict[str, StoreUnavailableError] = {}

    def begin(self, saga_id: str, error: StoreUnavailableError) -> None:
        """Note that a saga waits."""
        self._errors[saga_id] = error

    def end(self, saga_id: str) -> None:
        """Note that a saga waits no longer."""
        self._errors.pop(saga_id, None)

    def needing_person(self, saga_id: str) -> StoreUnavailableError | None:
        """The error that the saga waits for, when only a person can end it, such as a full disk; else None."""
        error = self._errors.get(saga_id)
        return error if error and error.recovery is Recovery.NEEDS_HUMAN else None


def with_store_retry(
    saga: Saga, clock: Clock, jitter: Callable[[], float], waits: StoreWaits | None = None
) -> Saga:
    """The same saga, which waits while the store is unavailable; `jitter` gives numbers from 0 to 1 for the pauses.

    What it waits for is noted in `waits`, also when it ends because the engine cannot record a step.

    A wait is logged as it begins, again when it turns out to need a person, and as it ends.
    """
    noted = waits or StoreWaits()

    async def run(perform: StepRunner, dataset_id: str, saga_id: str) -> None:
        begun = False
        retry = partial(_retry_while_store_unavailable, clock, jitter, noted, saga_id)

        async def perform_with_retry(step: str, effect: Callable[[], Awaitable[Json]]) -> Json:
            nonlocal begun
            begun = True
            return await perform(step, partial(retry, f"{saga_id}, step {step}", effect))

        async def run_saga() -> StoreUnavailableError | None:
            try:
                await saga(perform_with_retry, dataset_id, saga_id)
            except StoreUnavailableError as error:
                if not begun:
                    raise
                return error  # an engine takes the steps of a saga in one order, once
            return None

        if error := await retry(saga_id, run_saga):
            noted.begin(saga_id, error)
            raise error

    return run


async def _retry_while_store_unavailable(
    clock: Clock,
    jitter: Callable[[], float],
    waits: StoreWaits,
    saga_id: str,
    what: str,
    work: Callable[[], Awaitable[T]],
) -> T:
    """Repeat the work until the store is available, and return its result."""
    logged = set[Recovery]()
    pause_s = _FIRST_BACKOFF_S
    while True:
        try:
            done = await work()
        except StoreUnavailableError as error:
            waits.begin(saga_id, error)
            human = error.recovery is Recovery.NEEDS_HUMAN
            if error.recovery not in logged:
                logged.add(error.recovery)
                if human:
                    _log.error(
                        "%s waits: %s It continues by itself once that is mended.", what, error.message
                    )
                else:
                    _log.warning("%s waits: %s", what, error.message)
            await clock.sleep(pause_s * (1 + jitter()) / 2)
            pause_s = min(2 * pause_s, _LONGEST_HUMAN_BACKOFF_S if human else _LONGEST_BACKOFF_S)
        else:
            waits.end(saga_id)
            if logged:
                _log.warning("%s continues: the store is available again", what)
            return done
