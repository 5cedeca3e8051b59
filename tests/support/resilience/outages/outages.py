"""The ways in which a database goes away, and comes back."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.resilience.outages.installation import Installation

_COMMITS: Final = 3


@dataclass(frozen=True)
class Outage:
    """How it goes, and how it comes back. `told`: whoever asks meanwhile is answered that it is away.

    `over` says when it may come back where nobody is told.
    """

    go: Callable[[Installation], None]
    back: Callable[[Installation], None]
    told: bool = True
    over: Callable[[Installation], bool] = lambda _: True


def _stop_accepting(place: Installation) -> None:
    place.proxy.refusing = True
    place.proxy.drop_connections()


def _resume_accepting(place: Installation) -> None:
    place.proxy.refusing = False


def _drop_connections(place: Installation) -> None:
    place.proxy.losing = _COMMITS


OUTAGES: Final[Mapping[str, Outage]] = {
    "crashed": Outage(lambda place: place.cluster.stop(), lambda place: place.cluster.start()),
    "stopped in good order": Outage(
        lambda place: place.cluster.stop(signal.SIGINT), lambda place: place.cluster.start()
    ),
    "out of reach": Outage(_stop_accepting, _resume_accepting),
    "sessions ended": Outage(lambda place: place.terminate_sessions(), lambda _: None, told=False),
    "silent": Outage(
        lambda place: place.proxy.stall(),
        lambda place: place.proxy.resume(),
        told=False,
        over=lambda place: place.proxy.held > 0,
    ),
    "answers to commits lost": Outage(
        _drop_connections, lambda _: None, told=False, over=lambda place: not place.proxy.losing
    ),
}
