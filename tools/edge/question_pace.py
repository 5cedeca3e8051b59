"""The pace of a question: how long a call waits for its answer, and how fast nobody can have read it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionPace:
    """The pace of a question.

    Attributes:
        answer_s: seconds that a call waits for the answer. Hosts give up on a call after a minute.
        call_s: seconds after which a call that waited for an answer answers too, whatever else it could wait for.
        reading_s: a refusal that comes faster than that is a program's: nobody reads the question in less.
        timer: monotonic seconds, for a question and its answer in one call.
        now: seconds since 1970, by which the states that clients hold are dated.
    """

    answer_s: float = 40.0
    call_s: float = 48.0
    reading_s: float = 2.0
    timer: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
