"""Which tools there are, by toolset, in the order in which they are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.errors import InvalidArgumentError
from domain.model import closest_names
from tools.core.check_connector_health import TOOL
from tools.core.list_orphans import TOOL
from tools.core.provision_dataset import TOOL
from tools.core.teardown_dataset import TOOL
from tools.leases.protect_dataset import TOOL
from tools.leases.renew_journey_lease import TOOL
from tools.recovery.restore_dataset import TOOL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.edge.tool import LifecycleTool

DEFAULT_TOOLSET: Final = "datasets"
"""The toolset that every server has."""
TOOLSETS: Final[Mapping[str, tuple[LifecycleTool, ...]]] = {
    DEFAULT_TOOLSET: (
        TOOL,
        TOOL,
        TOOL,
        TOOL,
    ),
    "recovery": (TOOL,),
    "leases": (TOOL, TOOL),
}


def select_tools(toolsets: Sequence[str] = ()) -> list[LifecycleTool]:
    """The default tools and those of the named toolsets. Raises InvalidArgumentError for a name that is none."""
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
