"""The tools by toolset, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from domain.errors import InvalidArgumentError
from domain.model import closest_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.edge.tool import LifecycleTool

DEFAULT_TOOLSET: Final = "datasets"
"""The toolset that every server has."""
_MODULES: Final = {
    DEFAULT_TOOLSET: (
        "core.provision_dataset",
        "core.teardown_dataset",
        "core.check_connector_health",
        "core.list_orphans",
    ),
    "recovery": ("recovery.restore_dataset",),
    "leases": ("leases.renew_journey_lease", "leases.protect_dataset"),
}


@cache
def _import_tools(toolset: str) -> tuple[LifecycleTool, ...]:
    return tuple(import_module(f"tools.{each}").TOOL for each in _MODULES[toolset])


class _Toolsets(Mapping[str, "tuple[LifecycleTool, ...]"]):
    """The tools of each toolset, imported when they are asked for: making a tool's schemas delays a start."""

    def __getitem__(self, name: str) -> tuple[LifecycleTool, ...]:
        return _import_tools(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


TOOLSETS: Final = _Toolsets()


def select_tools(toolsets: Sequence[str] = ()) -> list[LifecycleTool]:
    """Select the default tools and those of the named toolsets. Raises InvalidArgumentError for an unknown name."""
    for name in toolsets:
        if name not in TOOLSETS:
            raise InvalidArgumentError(
                f"There is no toolset {name!r}.", field="toolsets", candidates=closest_names(name, TOOLSETS)
            )
    return [
        each for name in TOOLSETS if name == DEFAULT_TOOLSET or name in toolsets for each in TOOLSETS[name]
    ]
