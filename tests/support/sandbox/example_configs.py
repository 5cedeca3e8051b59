"""A configuration of each connector, as a person would make it in Glean's console."""

from __future__ import annotations

from typing import Any, Final

_SYNC: Final = {"fullSyncSchedule": "0 2 * * *", "incrementalSyncSchedule": "0 */4 * * *"}
EXAMPLE_CONFIGS: Final[dict[str, dict[str, Any]]] = {
    "confluence": {"baseUrl": "https://wiki.example.com", "spaceKeys": ["TEAM"], "syncSettings": _SYNC},
    "github": {
        "organization": "example-org",
        "repositories": ["example-org/site"],
        "syncSettings": {"includeIssues": True, "includePullRequests": True, "includeWiki": False, **_SYNC},
    },
    "slack": {"workspaceId": "T0EXAMPLE", "channels": ["general"], "syncSettings": _SYNC},
    "jira": {"baseUrl": "https://jira.example.com", "projectKeys": ["TEAM"], "syncSettings": _SYNC},
}
"""A configuration of each connector as a person would make it in the console."""
