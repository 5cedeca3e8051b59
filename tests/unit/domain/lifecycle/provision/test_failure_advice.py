"""What to do about a failed provision is said once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.errors import Recovery
from domain.lifecycle.provision.service import provision_failed_error
from domain.model import DatasetStatus, Failure
from tests.support.entities import dataset

RETRY = 'Then call again with "retry": true: without it, this failure is answered again.'


def advice(action: str, status: DatasetStatus, recovery: str = Recovery.FIX_INPUT) -> str | None:
    failure = Failure(
        step="populate",
        code="template_invalid",
        message="A record has no key.",
        recovery=recovery,
        suggested_action=action,
        at=datetime(2026, 3, 1, tzinfo=UTC),
        attempt=2,
    )
    return provision_failed_error(dataset(status=status, failure=failure)).suggested_action


@pytest.mark.parametrize(
    "ending",
    [
        "",
        ", then call again.",
        "; then call again with retry.",
        ", and call again with retry.",
        ", and provision again with retry.",
        " and call again.",
    ],
)
def test_to_call_again_is_said_once(ending: str) -> None:
    told = advice(f"Correct the file{ending}", DatasetStatus.FAILED)
    assert told == f"Correct the file. {RETRY}"
    told = advice(f"Correct the file{ending}", DatasetStatus.READY)
    assert (
        told
        == "Correct the file. Then run `dataset-lifecycle datasets refresh acme-sandbox-confluence-abc123`."
    )


def test_what_has_to_be_done_again_otherwise_stays() -> None:
    assert advice("Export it again with one notation.", DatasetStatus.FAILED) == (
        f"Export it again with one notation. {RETRY}"
    )
