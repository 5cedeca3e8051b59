"""The ways in which a database goes away, and comes back."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.away.stage import Place

_COMMITS: Final = 3


@dataclass(frozen=True)
class Outage:
    """How it goes, and how it comes back. `told`: whoever asks meanwhile is answered that it is away.

    `over` says when it may come back where nobody is told.
    """

    go: Callable[[Place], None]
    back: Callable[[Place], None]
    told: bool = True
    over: Callable[[Place], bool] = lambda _: True


def _refuse(place: Place) -> None:
    place.proxy.refusing = True
    place.proxy.cut()


def _accept(place: Place) -> None:
    place.proxy.refusing = False


def _lose(place: Place) -> None:
    place.proxy.losing = _COMMITS


OUTAGES: Final[Mapping[str, Outage]] = {
    "crashed": Outage(lambda place: place.cluster.stop(), lambda place: place.cluster.start()),
    "stopped in good order": Outage(
        lambda place: place.cluster.stop(signal.SIGINT), lambda place: place.cluster.start()
    ),
    "out of reach": Outage(_refuse, _accept),
    "sessions ended": Outage(lambda place: place.terminate(), lambda _: None, told=False),
    "silent": Outage(
        lambda place: place.proxy.fall_silent(),
        lambda place: place.proxy.speak(),
        told=False,
        over=lambda place: place.proxy.held > 0,
    ),
    "answers to commits lost": Outage(
        _lose, lambda _: None, told=False, over=lambda place: not place.proxy.losing
    ),
}
