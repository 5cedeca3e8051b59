"""Calls as confused agents make them, each with the call that was meant; and an agent that does what refusals say.

`{name}` in a value stands for what the test has made: a dataset, a connector, an instant. Where `right` is None,
nothing that the caller may do leads on, and a person has to be asked.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

Arguments = dict[str, Any]
Call = tuple[str, Arguments]

PROVISION: Final[Arguments] = {
    "client_id": "acme",
    "journey_id": "acme-rollout",
    "stage": "sandbox",
    "dataset_type": "slack_messages",
}
PILOT: Final = PROVISION | {"journey_id": "acme-q3", "stage": "pilot"}
LIVE: Final = PROVISION | {"dataset_type": "confluence_pages"}
FAILED: Final = PROVISION | {"dataset_type": "github_repos"}
TEARDOWN: Final[Arguments] = {"dataset_id": "{done}", "reason": "journey_completed"}
RESTORE: Final[Arguments] = {"dataset_id": "{archived}", "journey_id": "acme-rollout"}
RENEW: Final[Arguments] = {"journey_id": "acme-rollout", "duration": "12h"}
PROTECT: Final[Arguments] = {"dataset_id": "{live}", "until": "{soon}"}
ALL: Final[Arguments] = {}
TEMPLATES: Final = "fintech/developer_productivity"
SLACK: Final = f"{TEMPLATES}/slack_messages"
PAGES: Final = f"{TEMPLATES}/confluence_pages"


@dataclass(frozen=True, slots=True)
class ConfusedCall:
    """A call that is refused, and the one that was meant."""

    given: Call
    right: Call | None

    @property
    def name(self) -> str:
        """The call in a line, for a report."""
        tool, arguments = self.given
        return f"{tool}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


def _meant(tool: str, base: Arguments, **changes: tuple[Any, Any]) -> ConfusedCall:
    """A call in which arguments are wrong: each as it was given, and as it was meant."""
    given = base | {name: wrong for name, (wrong, _) in changes.items()}
    right = base | {name: meant for name, (_, meant) in changes.items() if meant is not LEFT_OUT}
    return ConfusedCall((tool, given), (tool, right))


def _without(tool: str, base: Arguments, *missing: str) -> ConfusedCall:
    return ConfusedCall(
        (tool, {name: value for name, value in base.items() if name not in missing}), (tool, base)
    )


def _rename_arguments(tool: str, base: Arguments, **names: str) -> ConfusedCall:
    """A call in which arguments have other names: the name that was given, and the argument that it is."""
    other = {argument: name for name, argument in names.items()}
    return ConfusedCall((tool, {other.get(name, name): value for name, value in base.items()}), (tool, base))


def _hopeless(tool: str, base: Arguments, **changes: Any) -> ConfusedCall:
    return ConfusedCall((tool, base | changes), None)


def _other_tool(name: str, tool: str | None, arguments: Arguments) -> ConfusedCall:
    return ConfusedCall((name, arguments), None if tool is None else (tool, arguments))


LEFT_OUT: Final = object()
"""An argument that was meant to be left out."""

_STAGES: Final[dict[str, list[Any]]] = {
    "sandbox": [
        "SANDBOX",
        "Sandbox",
        "sand-box",
        "sand_box",
        "sandboxes",
        "the sandbox",
        "sanbox",
        "SandBox",
    ],
    "pilot": ["PILOT", "Pilot", "pilots", "pilot stage", "pilto", "pilot_stage", ["pilot"], 2],
}
_TYPES: Final[dict[str, list[Any]]] = {
    "slack_messages": [
        "slack",
        "Slack",
        "SLACK_MESSAGES",
        "slack-messages",
        "SlackMessages",
        "slack_message",
        "messages",
        "slack channel",
        "slak_messages",
        7,
    ],
    "jira_issues": ["jira", "JIRA", "jira-issues", "JiraIssues", "jira_issue", "issues", "jira tickets"],
    "confluence_pages": [
        "confluence",
        "Confluence",
        "confluence-pages",
        "confluencePages",
        "pages",
        "page",
        "conflunce",
        "confluence_page",
    ],
    "github_repos": [
        "github",
        "GitHub",
        "github-repos",
        "repos",
        "repo",
        "github_repositories",
        "git_hub_repo",
    ],
}
_REASONS: Final = {
    "journey_completed": [
        "JOURNEY_COMPLETED",
        "journey-completed",
        "journey complete",
        "JourneyCompleted",
        "journey_done",
        "journey",
        "journey_completd",
    ],
    "stage_completed": ["stage complete", "STAGE_COMPLETED", "stageCompleted", "stage_done"],
    "orphaned": ["orphan", "Orphaned", "ORPHAN"],
    "provision_failed": ["failed", "provision-failed", "provisioning_failed", "PROVISION_FAILED"],
}
_CLIENTS: Final = [
    "ACME",
    "Acme",
    "Acme Bank",
    "acme bank",
    "acme-bank",
    "ACME BANK AG",
    "acmee",
    "acm",
    "client acme",
]
_JOURNEYS: Final = ["ACME-ROLLOUT", "acme_rollout", "Acme Rollout", "rollout", "acme-rolout", "acme rollout"]
_DATASETS: Final = [
    "{live.upper}",
    "{live.underscored}",
    "{live.name}",
    "{live.connector}",
    "{live.mistyped}",
]
_DATASETS_CUT: Final = ["{live.cut}", "dataset {live}", "dataset://{live}"]

PROVISION_CALLS: Final = [
    *(_meant("provision_dataset", PROVISION, stage=(each, "sandbox")) for each in _STAGES["sandbox"]),
    *(_meant("provision_dataset", PILOT, stage=(each, "pilot")) for each in _STAGES["pilot"]),
    *(
        _meant("provision_dataset", PROVISION, dataset_type=(each, meant))
        for meant, spelt in _TYPES.items()
        for each in spelt
    ),
    *(_meant("provision_dataset", PROVISION, client_id=(each, "acme")) for each in _CLIENTS),
    *(_meant("provision_dataset", PROVISION, journey_id=(each, "acme-rollout")) for each in _JOURNEYS),
    _meant("provision_dataset", PROVISION, client_id=("acme-rollout", "acme"), journey_id=("acme", "acme-rollout")),
    _meant(
        "provision_dataset", PROVISION, stage=("slack_messages", "sandbox"), dataset_type=("sandbox", "slack_messages")
    ),
    _meant("provision_dataset", PROVISION, stage=("pilot", "sandbox")),
    _meant("provision_dataset", PILOT, stage=("production", "pilot")),
    _meant("provision_dataset", PROVISION, client_id=("ACME", "acme"), stage=("SANDBOX", "sandbox")),
    *(_without("provision_dataset", PROVISION, each) for each in PROVISION),
    _without("provision_dataset", PROVISION, "stage", "dataset_type"),
    *(_meant("provision_dataset", PROVISION, **{each: (None, PROVISION[each])}) for each in PROVISION),
    _rename_arguments("provision_dataset", PROVISION, client="client_id"),
    _rename_arguments("provision_dataset", PROVISION, clientId="client_id"),
    _rename_arguments("provision_dataset", PROVISION, customer="client_id"),
    _rename_arguments("provision_dataset", PROVISION, journey="journey_id"),
    _rename_arguments("provision_dataset", PROVISION, type="dataset_type"),
    _rename_arguments("provision_dataset", PROVISION, datasetType="dataset_type"),
    _rename_arguments("provision_dataset", PROVISION, environment="stage"),
    _rename_arguments("provision_dataset", PROVISION | {"record_count": 5}, records="record_count"),
    _rename_arguments("provision_dataset", PROVISION | {"record_count": 5}, count="record_count"),
    _rename_arguments("provision_dataset", PROVISION | {"wait_s": 5}, wait="wait_s"),
    _rename_arguments("provision_dataset", PROVISION | {"wait_s": 5}, timeout="wait_s"),
    _rename_arguments("provision_dataset", PROVISION | {"template_id": SLACK}, template="template_id"),
    _meant("provision_dataset", PROVISION, colour=("blue", LEFT_OUT)),
    _meant("provision_dataset", PROVISION, record_count=("5", 5)),
    _meant("provision_dataset", PROVISION, record_count=(0, LEFT_OUT)),
    _meant("provision_dataset", PROVISION, record_count=(-1, LEFT_OUT)),
    _meant("provision_dataset", PROVISION, wait_s=("10", 10)),
    _meant("provision_dataset", PROVISION, wait_s=(120, 50)),
    _meant("provision_dataset", PROVISION, retry=("false", False)),
    _meant("provision_dataset", PROVISION, client_id=(["acme"], "acme")),
    _meant("provision_dataset", PROVISION, template_id=("", LEFT_OUT)),
    _meant("provision_dataset", PROVISION, template_id=("fintech/developer-productivity/slack", SLACK)),
    _meant("provision_dataset", PROVISION, template_id=("slack_messages", SLACK)),
    _meant("provision_dataset", PROVISION, template_id=(f"{TEMPLATES}/jira_issues", SLACK)),
    _meant("provision_dataset", PROVISION, template_id=("zzzzz", LEFT_OUT)),
    _meant("provision_dataset", LIVE, template_id=("fintech/dev_productivity/confluence", PAGES)),
    _meant("provision_dataset", LIVE, template_id=("zzzzz", LEFT_OUT)),
    _meant("provision_dataset", LIVE, template_id=(f"{TEMPLATES}/jira_issues", PAGES)),
    _meant("provision_dataset", LIVE, record_count=(7, LEFT_OUT)),
    _meant("provision_dataset", LIVE, journey_id=("acme-second", "acme-rollout")),
    _meant("provision_dataset", PROVISION, data_source=("mock", "mock_template")),
    _meant("provision_dataset", PROVISION, data_source=("MOCK-TEMPLATE", "mock_template")),
    _meant("provision_dataset", PROVISION, data_source=("generate", "generated")),
    _meant("provision_dataset", PROVISION, data_source=("sanitized_production", "mock_template")),
    _meant("provision_dataset", FAILED, retry=(False, True)),
    ConfusedCall(("provision_dataset", FAILED), ("provision_dataset", FAILED | {"retry": True})),
    ConfusedCall(
        ("provision_dataset", FAILED | {"wait_s": 50}), ("provision_dataset", FAILED | {"wait_s": 50, "retry": True})
    ),
    _hopeless("provision_dataset", PROVISION, client_id="initech"),
    _hopeless("provision_dataset", PROVISION, client_id="Initech Corp"),
    _hopeless("provision_dataset", PROVISION, client_id="umbrella"),
    _hopeless("provision_dataset", PROVISION, journey_id="initech-run"),
    _hopeless("provision_dataset", PROVISION, journey_id="zzz"),
    _hopeless("provision_dataset", PROVISION, journey_id="acme-paused"),
]  # fmt: skip
TEARDOWN_CALLS: Final = [
    *(
        _meant("teardown_dataset", TEARDOWN, reason=(each, meant))
        for meant, spelt in _REASONS.items()
        for each in spelt
    ),
    *(
        _meant("teardown_dataset", TEARDOWN, dataset_id=(each.replace("live", "done"), "{done}"))
        for each in [*_DATASETS, *_DATASETS_CUT]
    ),
    *(_without("teardown_dataset", TEARDOWN, each) for each in TEARDOWN),
    _meant("teardown_dataset", TEARDOWN, dataset_id=(None, "{done}")),
    _rename_arguments("teardown_dataset", TEARDOWN, id="dataset_id"),
    _rename_arguments("teardown_dataset", TEARDOWN, datasetId="dataset_id"),
    _rename_arguments("teardown_dataset", TEARDOWN, dataset="dataset_id"),
    _hopeless("teardown_dataset", TEARDOWN, confirm=True),
    _hopeless("teardown_dataset", TEARDOWN, dry_run=True),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="globex"),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="globex-sandbox"),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="globex-sandbox-confluence-aaaaaa"),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="GLOBEY-Sandbox-Confluence"),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="{foreign}"),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="{foreign.name}"),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="{foreign.connector}"),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="{live}"),
    _hopeless("teardown_dataset", TEARDOWN, reason="cleanup"),
    _hopeless("teardown_dataset", TEARDOWN, dataset_id="*"),
]  # fmt: skip
HEALTH_CALLS: Final = [
    *(_meant("check_connector_health", ALL, client_id=(each, "acme")) for each in _CLIENTS),
    *(_meant("check_connector_health", ALL, dataset_id=(each, "{live}")) for each in [*_DATASETS, *_DATASETS_CUT]),
    _meant("check_connector_health", ALL, connector_id=("{live}", "{live.connector}")),
    _meant("check_connector_health", ALL, connector_id=("{live.name}", "{live.connector}")),
    _meant("check_connector_health", ALL, cursor=("page2", LEFT_OUT)),
    _meant("check_connector_health", ALL, cursor=("2", LEFT_OUT)),
    _meant("check_connector_health", ALL, cursor=("", LEFT_OUT)),
    _meant("check_connector_health", ALL, page=(2, LEFT_OUT)),
    _meant("check_connector_health", ALL, limit=("5", 5)),
    _meant("check_connector_health", ALL, limit=(1000, 200)),
    _meant("check_connector_health", ALL, limit=(0, LEFT_OUT)),
    _meant("check_connector_health", {"dataset_id": "{live}"}, client_id=("acme", LEFT_OUT)),
    _rename_arguments("check_connector_health", {"client_id": "acme"}, client="client_id"),
    _rename_arguments("check_connector_health", {"dataset_id": "{live}"}, dataset="dataset_id"),
    _rename_arguments("check_connector_health", {"connector_id": "{live.connector}"}, connector="connector_id"),
    _hopeless("check_connector_health", ALL, client_id="initech"),
    _hopeless("check_connector_health", ALL, dataset_id="{foreign}"),
]  # fmt: skip
ORPHAN_CALLS: Final = [
    *(_meant("list_orphans", ALL, stage=(each, "pilot")) for each in _STAGES["pilot"]),
    *(_meant("list_orphans", ALL, client_id=(each, "acme")) for each in ("ACME", "Acme Bank", "acm")),
    _meant("list_orphans", ALL, min_age_days=("7", 7)),
    _meant("list_orphans", ALL, min_age_days=(-1, LEFT_OUT)),
    _meant("list_orphans", ALL, limit=(500, 200)),
    _meant("list_orphans", ALL, cursor=("page2", LEFT_OUT)),
    _rename_arguments("list_orphans", {"client_id": "acme"}, customer="client_id"),
    _rename_arguments("list_orphans", {"min_age_days": 3}, days="min_age_days"),
    _rename_arguments("list_orphans", {"min_age_days": 3}, minAgeDays="min_age_days"),
    _hopeless("list_orphans", ALL, client_id="umbrella"),
]  # fmt: skip
RESTORE_CALLS: Final = [
    _meant("restore_dataset", RESTORE, dataset_id=("{archived.upper}", "{archived}")),
    _meant("restore_dataset", RESTORE, dataset_id=("{archived.name}", "{archived}")),
    _meant("restore_dataset", RESTORE, dataset_id=("{archived.mistyped}", "{archived}")),
    *(_meant("restore_dataset", RESTORE, journey_id=(each, "acme-rollout")) for each in _JOURNEYS),
    *(_without("restore_dataset", RESTORE, each) for each in RESTORE),
    _rename_arguments("restore_dataset", RESTORE, id="dataset_id"),
    _rename_arguments("restore_dataset", RESTORE, journey="journey_id"),
    _hopeless("restore_dataset", RESTORE, dataset_id="{foreign}"),
    _hopeless("restore_dataset", RESTORE, journey_id="zzz"),
]  # fmt: skip
LEASE_CALLS: Final = [
    *(_meant("renew_journey_lease", RENEW, journey_id=(each, "acme-rollout")) for each in _JOURNEYS),
    *(
        _meant("renew_journey_lease", RENEW, duration=(each, "12h"))
        for each in ("12 hours", "PT12H", "12 h", "12hours", "12hrs")
    ),
    _meant("renew_journey_lease", RENEW, duration=("a day", "1d")),
    _meant("renew_journey_lease", RENEW, duration=("2 weeks", "14d")),
    _meant("renew_journey_lease", RENEW, client_id=("ACME", "acme")),
    *(_without("renew_journey_lease", RENEW, each) for each in RENEW),
    _rename_arguments("renew_journey_lease", RENEW, **{"for": "duration"}),
    _meant("protect_dataset", PROTECT, until=("tomorrow", "{tomorrow}")),
    _meant("protect_dataset", PROTECT, until=("in 2 days", "{in 2 days}")),
    _meant("protect_dataset", PROTECT, until=("3 hours", "{in 3 hours}")),
    _meant("protect_dataset", PROTECT, until=("next week", "{in a week}")),
    _meant("protect_dataset", PROTECT, until=("7d", "{in a week}")),
    _meant("protect_dataset", PROTECT, until=("{day}", "{day}T23:59:59Z")),
    _meant("protect_dataset", PROTECT, until=("{day}T18:00:00", "{day}T18:00:00Z")),
    _meant("protect_dataset", PROTECT, until=("{day} 18:00", "{day}T18:00:00Z")),
    *(_meant("protect_dataset", PROTECT, dataset_id=(each, "{live}")) for each in [*_DATASETS, *_DATASETS_CUT]),
    *(_without("protect_dataset", PROTECT, each) for each in PROTECT),
    _rename_arguments("protect_dataset", PROTECT, expires_at="until"),
    _hopeless("protect_dataset", PROTECT, dataset_id="{foreign.name}"),
    _hopeless("protect_dataset", PROTECT, until="soon"),
]  # fmt: skip
TOOL_CALLS: Final = [
    _other_tool("provision", "provision_dataset", PROVISION),
    _other_tool("provisionDataset", "provision_dataset", PROVISION),
    _other_tool("provision-dataset", "provision_dataset", PROVISION),
    _other_tool("provision_datasets", "provision_dataset", PROVISION),
    _other_tool("teardown", "teardown_dataset", TEARDOWN),
    _other_tool("tear_down_dataset", "teardown_dataset", TEARDOWN),
    _other_tool("health", "check_connector_health", ALL),
    _other_tool("checkConnectorHealth", "check_connector_health", ALL),
    _other_tool("orphans", "list_orphans", ALL),
    _other_tool("listOrphans", "list_orphans", ALL),
    _other_tool("list_orphan", "list_orphans", ALL),
    _other_tool("restore", "restore_dataset", RESTORE),
    _other_tool("renew_journey", "renew_journey_lease", RENEW),
    _other_tool("protect", "protect_dataset", PROTECT),
    _other_tool("get_dataset", None, {"dataset_id": "{live}"}),
    _other_tool("delete_dataset", None, {"dataset_id": "{live}"}),
    _other_tool("list_datasets", None, ALL),
    _other_tool("approve", None, {"approval_id": "ap-1"}),
    _other_tool("confirm_teardown", None, {"dataset_id": "{live}"}),
]  # fmt: skip
CONFUSED_CALLS: Final = [
    *PROVISION_CALLS,
    *TEARDOWN_CALLS,
    *HEALTH_CALLS,
    *ORPHAN_CALLS,
    *RESTORE_CALLS,
    *LEASE_CALLS,
    *TOOL_CALLS,
]

_RENAME: Final = re.compile(r'Use "(\w+)" instead of "(\w+)"')
_ADD: Final = re.compile(r'Add "(\w+)"')
_LITERAL: Final = re.compile(r'"(\w+)": (true|false|[0-9]+(?:\.[0-9]+)?)')
_CALL: Final = re.compile(r"call (\w+) with (\{[^{}]*\})")
_LEAVE_OUT: Final = re.compile(r'eave out ("\w+"(?: and "\w+")*)')
_AS_TEXT: Final = re.compile(r'Give "(\w+)" as one text')


def next_call(call: Call, error: dict[str, Any], meant: Arguments) -> Call | None:
    """The call that an agent makes next that does, without a thought, what a refusal says; None when it stops.

    It takes the first candidate in place of what it gave. Where it gave nothing, it knows what it `meant`, and gives it
    when that is what is asked for.
    """
    tool, given = call[0], dict(call[1])
    action = str(error.get("suggested_action", ""))
    if error["recovery"] in {"needs_human", "never"}:
        return None
    if error["recovery"] == "wait":
        return call
    if found := _CALL.search(action):
        return found[1], json.loads(found[2])
    if found := _RENAME.search(action):
        value = given.pop(found[2])
        return tool, {found[1]: value} | given
    if "candidates" in error:
        return _take_candidate(call, str(error["field"]), error["candidates"], meant)
    return _follow_action(tool, given, action, meant)


def _take_candidate(call: Call, field: str, candidates: list[str], meant: Arguments) -> Call | None:
    tool, given = call
    if field == "name":  # of a tool
        return candidates[0], given
    if isinstance(given.get(field), str):
        return tool, given | {field: candidates[0]}
    return (tool, given | {field: meant[field]}) if meant.get(field) in candidates else None


def _follow_action(tool: str, given: Arguments, action: str, meant: Arguments) -> Call | None:
    if (found := _ADD.search(action)) and found[1] in meant:
        return tool, given | {found[1]: meant[found[1]]}
    if found := _LITERAL.search(action):
        return tool, given | {found[1]: json.loads(found[2])}
    if found := _LEAVE_OUT.search(action):
        names = re.findall(r"\w+", found[1].replace(" and ", " "))
        return tool, {name: value for name, value in given.items() if name not in names}
    if found := _AS_TEXT.search(action):
        value = given[found[1]]
        return tool, given | {found[1]: value[0] if isinstance(value, list) else str(value)}
    return None
