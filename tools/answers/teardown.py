"""The answer of `teardown_dataset`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from domain.model import ConnectorOutcome, DatasetStatus, Stage
from tools.edge.results import (
    POLL_AFTER_S,
    Answer,
    Instant,
    PlatformAnswer,
    ProgressAnswer,
    platform_answer,
    progress_answer,
)

if TYPE_CHECKING:
    from domain.lifecycle import Archive, TeardownResult
    from domain.model import Fingerprint, Principal
    from tools.services import Services


class TeardownAnswer(Answer):
    """A dataset as a teardown call leaves it."""

    name: str
    dataset_id: str
    client_id: str
    stage: Stage
    status: DatasetStatus = Field(description="teardown or archived.")
    archived_path: str | None = Field(
        default=None, description="Where the archive is; absent until there is one."
    )
    restorable_until: Instant | None = Field(
        default=None,
        description="Until when it can be restored; absent when the archive holds too little for that.",
    )
    purged_at: Instant | None = Field(default=None, description="When the archive was purged, if it was.")
    connector_outcome: ConnectorOutcome | None = Field(
        default=None,
        description="What became of the connector; absent until it is known, or when there was none.",
    )
    manual_step: str | None = Field(default=None, description="What a person has left to do in Glean.")
    platform: PlatformAnswer | None = None
    cleanup_verified: bool = Field(
        description="Whether it was verified that nothing is left of what served it."
    )
    progress: ProgressAnswer | None = Field(
        default=None, description="Present while it is under way, and only then."
    )
    poll_after_s: int | None = Field(
        default=None, description="Make the same call again after so many seconds."
    )


def teardown_answer(
    torn_down: TeardownResult, archive: Archive | None = None, platform: Fingerprint | None = None
) -> TeardownAnswer:
    """Build the answer for a dataset that is or was taken down, with its archive when it has one, and its Glean."""
    dataset, teardown = torn_down.dataset, torn_down.dataset.teardown
    progress = progress_answer(dataset, torn_down.progress)
    outcome = teardown.connector_outcome if teardown else None
    until = teardown.restorable_until if teardown else None
    return TeardownAnswer(
        name=dataset.name,
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        stage=dataset.stage,
        status=dataset.status,
        archived_path=teardown.archived_path if teardown else None,
        restorable_until=archive.restore_deadline if archive else until,
        purged_at=archive.purged_at if archive else None,
        connector_outcome=outcome,
        manual_step=teardown.manual_step if teardown else None,
        platform=platform_answer(platform) if platform else None,
        cleanup_verified=not dataset.live and outcome is not ConnectorOutcome.ABANDONED,
        progress=progress,
        poll_after_s=POLL_AFTER_S if progress else None,
    )


async def load_teardown_answer(
    services: Services, torn_down: TeardownResult, principal: Principal
) -> TeardownAnswer:
    """Load the archive and the platform, and build the answer with them."""
    from domain.lifecycle import parse_archive

    details = await services.datasets.show(torn_down.dataset.dataset_id, principal)
    archive = parse_archive(details.archive) if details.archive else None
    return teardown_answer(torn_down, archive, details.platform)
