"""The tools by toolset, in the order in which they are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import InvalidArgumentError
from domain.model import closest_names
from tools.core import check_connector_health, list_orphans, provision_dataset, teardown_dataset
from tools.leases import protect_dataset, renew_journey_lease
from tools.recovery import restore_dataset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.edge.tool import LifecycleTool

DEFAULT_TOOLSET: Final = "datasets"
"""The toolset that every server has."""
TOOLSETS: Final[Mapping[str, tuple[LifecycleTool, ...]]] = {
    DEFAULT_TOOLSET: (
        provision_dataset.TOOL,
        teardown_dataset.TOOL,
        check_connector_health.TOOL,
        list_orphans.TOOL,
    ),
    "recovery": (restore_dataset.TOOL,),
    "leases": (renew_journey_lease.TOOL, protect_dataset.TOOL),
}


def select_tools(toolsets: Sequence[str] = ()) -> list[LifecycleTool]:
    """Select the default tools and those of the named toolsets. Raises InvalidArgumentError for an unknown name."""
    for name in toolsets:
        if name not in TOOLSETS:
            raise InvalidArgumentError(
                f"There is no toolset {name!r}.", field="toolsets", candidates=closest_names(name, TOOLSETS)
            )
    return [
        each
        for name, tools in TOOLSETS.items()
        if name == DEFAULT_TOOLSET or name in toolsets
        for each in tools
    ]
