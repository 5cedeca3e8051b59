"""The answer of `restore_dataset`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from tools.answers.provision import ProvisionAnswer, load_provision_answer
from tools.edge.results import Instant

if TYPE_CHECKING:
    from domain.lifecycle import ProvisionResult
    from domain.model import Principal
    from tools.services import Services


class RestoreAnswer(ProvisionAnswer):
    """A dataset as a restoring call leaves it."""

    restored_from: str = Field(description="The archived dataset whose documents it holds.")
    protected_until: Instant | None = Field(
        default=None, description="Until when it is not taken down; absent until it is served."
    )


async def load_restore_answer(
    services: Services, restored: ProvisionResult, principal: Principal
) -> RestoreAnswer:
    """Load the connector, and build the answer for a dataset that is or was restored."""
    return RestoreAnswer(
        **dict(await load_provision_answer(services, restored, principal)),
        restored_from=str(restored.dataset.restored_from),
        protected_until=restored.dataset.protected_until,
    )
