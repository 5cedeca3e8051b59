"""What one answer for many datasets confirms, and what a person is asked about again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from rich.console import Console

from domain.errors import DeclinedError
from domain.model.approval import ConfirmationRequest
from domain.model.enums import TeardownReason, Waiver
from server.cli import prompts
from server.cli.prompts import TypedNameConfirmer
from tests.support.entities import ManualClock, dataset

if TYPE_CHECKING:
    from domain.governance import ApprovalService


def request(dataset_id: str = "d1", generation: int = 3, waiver: Waiver = Waiver.NONE) -> ConfirmationRequest:
    return ConfirmationRequest(
        dataset=dataset(dataset_id, generation=generation),
        reason=TeardownReason.MANUAL,
        requester="person:kim",
        generation=generation,
        concession=waiver,
    )


@pytest.mark.parametrize(
    ("question", "confirmed"),
    [
        (request(), True),
        (request(generation=4), False),
        (request("d2"), False),
        (request(waiver=Waiver.ABANDON_CONNECTOR), False),
    ],
    ids=["as it was shown", "changed since", "another", "with a waiver"],
)
async def test_one_answer_for_many_is_the_word_for_exactly_what_was_shown(
    monkeypatch: pytest.MonkeyPatch, question: ConfirmationRequest, *, confirmed: bool
) -> None:
    async def answer_nothing(*_: Any) -> str:
        return ""

    monkeypatch.setattr(prompts, "prompt_for_phrase", answer_nothing)
    confirmer = TypedNameConfirmer(
        Console(), cast("ApprovalService", None), ManualClock(), alone=True, confirmed=[request()]
    )
    if confirmed:
        given = await confirmer.ask(question)
        assert given is not None
        assert (given.dataset_id, given.generation) == ("d1", 3)
    else:
        with pytest.raises(DeclinedError):
            await confirmer.ask(question)
