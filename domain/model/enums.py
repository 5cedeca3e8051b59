"""Enumerations: stages, types, states with their transitions, reasons and outcomes."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stage(StrEnum):
    """A step of a client's way. It only moves forward."""

    SANDBOX = "sandbox"
    PILOT = "pilot"
    PRODUCTION = "production"

    @property
    def order(self) -> int:
        """Position of the stage, from 0."""
        return list(Stage).index(self)


class DatasetType(StrEnum):
    """What a dataset's records are."""

    CONFLUENCE_PAGES = "confluence_pages"
    GITHUB_REPOS = "github_repos"
    SLACK_MESSAGES = "slack_messages"
    JIRA_ISSUES = "jira_issues"

    @property
    def connector_kind(self) -> str:
        """The connector's kind, as Glean's Admin API spells it: `confluence`, `github`, `slack`, `jira`."""
        return self.value.split("_", 1)[0]


class JourneyState(StrEnum):
    """Where a journey stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class DatasetStatus(StrEnum):
    """Where a dataset stands."""

    PROVISIONING = "provisioning"
    VALIDATING = "validating"
    READY = "ready"
    FAILED = "failed"
    TEARDOWN = "teardown"
    ARCHIVED = "archived"


class ConnectorStatus(StrEnum):
    """Our verdict on a connector."""

    CREATING = "creating"
    SYNCING = "syncing"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    FAILED = "failed"
    DISCONNECTED = "disconnected"


class DataSource(StrEnum):
    """Where a dataset's records come from."""

    MOCK_TEMPLATE = "mock_template"
    GENERATED = "generated"
    SANITIZED_PRODUCTION = "sanitized_production"


class TeardownReason(StrEnum):
    """Why a dataset is taken down. Checked against the facts, never believed."""

    STAGE_COMPLETED = "stage_completed"
    JOURNEY_COMPLETED = "journey_completed"
    ORPHANED = "orphaned"
    PROVISION_FAILED = "provision_failed"
    MANUAL = "manual"


class TemplateMatch(StrEnum):
    """How a template was chosen."""

    EXACT = "exact"
    INDUSTRY = "industry"
    DEFAULT = "default"
    NAMED = "named"


class ConnectorOutcome(StrEnum):
    """What became of a dataset's connector at teardown."""

    DELETED = "deleted"
    EMPTIED = "emptied"
    ABANDONED = "abandoned"


class Waiver(StrEnum):
    """Waiver: what a teardown may go without. Only a person's approval of that same waiver allows it."""

    NONE = "none"
    ABANDON_CONNECTOR = "abandon_connector"
    INCOMPLETE_ARCHIVE = "incomplete_archive"


def _parse_transitions(table: Mapping[str, str]) -> Mapping[DatasetStatus, frozenset[DatasetStatus]]:
    return MappingProxyType(
        {DatasetStatus(a): frozenset(DatasetStatus(b) for b in to.split()) for a, to in table.items()}
    )


# TEARDOWN may also return to the status before it, while nothing has been disconnected (`Dataset._may_revert_to`).
# PROVISIONING to VALIDATING is also how a failed retry returns to the former content.
TRANSITIONS: Final = _parse_transitions(
    {
        "provisioning": "validating failed",
        "validating": "ready failed provisioning teardown",
        "ready": "validating teardown",
        "failed": "provisioning teardown",
        "teardown": "archived",
        "archived": "",
    }
)
JOURNEY_TRANSITIONS: Final[Mapping[JourneyState, frozenset[JourneyState]]] = MappingProxyType(
    {
        JourneyState.DRAFT: frozenset({JourneyState.ACTIVE, JourneyState.CANCELLED}),
        JourneyState.ACTIVE: frozenset(
            {JourneyState.PAUSED, JourneyState.COMPLETED, JourneyState.CANCELLED, JourneyState.EXPIRED}
        ),
        JourneyState.PAUSED: frozenset(
            {JourneyState.ACTIVE, JourneyState.COMPLETED, JourneyState.CANCELLED, JourneyState.EXPIRED}
        ),
        JourneyState.EXPIRED: frozenset({JourneyState.ACTIVE}),
        JourneyState.COMPLETED: frozenset({JourneyState.ACTIVE}),
        JourneyState.CANCELLED: frozenset({JourneyState.ACTIVE}),
    }
)


class IllegalTransitionError(Exception):
    """The table of transitions does not allow this change of status: a bug of ours, never the caller's fault."""


class OrphanReason(StrEnum):
    """Why nothing protects a dataset."""

    JOURNEY_COMPLETED = "journey_completed"
    JOURNEY_CANCELLED = "journey_cancelled"
    JOURNEY_EXPIRED = "journey_expired"
    JOURNEY_DRAFT = "journey_draft"
    JOURNEY_MISSING = "journey_missing"
    STAGE_PASSED = "stage_passed"
