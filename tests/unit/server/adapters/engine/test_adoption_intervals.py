"""That a dead process's sagas are taken up within ten seconds, added up from how often is looked."""

from __future__ import annotations

from server.adapters.engine.dbos_runtime import _POLL_S
from tests.support.engines.adoption import default_argument

PROMISED_S = 10
NOTICED_S = 2 + 3 * 1
"""A host that is gone without a word: the server's keepalives, as `postgres_liveness` sets them."""


def test_a_death_is_believed_in_and_what_it_left_is_taken_up_within_ten_seconds() -> None:
    """A look just before the death, one that finds the lock free, one when it was free for long enough; the queue."""
    looks = 3 * default_argument("watch_s")
    assert looks + default_argument("dead_after_s") + _POLL_S <= PROMISED_S * 3 / 4


def test_a_host_that_vanished_is_taken_up_soon_after_the_server_has_noticed() -> None:
    looks = 3 * default_argument("watch_s")
    assert NOTICED_S + looks + default_argument("dead_after_s") + _POLL_S <= 15
