"""What the tools do with arguments that are not as they should be: one shape, on record, and nothing is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import pytest
from mcp.client.client import Client

from domain.audit.calls import CallAudit
from domain.audit.entry import Decision, parse_entry
from domain.errors import InvalidArgumentError
from domain.lifecycle.datasets import DatasetService
from domain.ports import AuditQuery
from server.adapters.clock import RandomIds, SystemClock
from server.adapters.store.sqlite.store import SqliteStore
from server.mcp_server.server import build_server
from tests.integration.tools.conftest import ACME, MODERN
from tests.support.refusals import read_refusal
from tools.core.teardown_dataset import TOOL

if TYPE_CHECKING:
    from tools.services import Services

STAGES = ["sandbox", "pilot", "production"]
WHATEVER = {"dataset_id": "acme-1", "reason": "manual"}
NAMED = "must be letters, digits, '.', '_' and '-', beginning with a letter or digit."


@dataclass
class CallsOnlyServices:
    """Services that put calls on record and know no ids, and do nothing else."""

    calls: CallAudit
    datasets: DatasetService


async def refusal(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The refusal, without the code and what to do, which is said in any case."""
    body = await full_refusal(tool, arguments)
    assert body.pop("suggested_action")
    assert body.pop("recovery") == "fix_input"
    return body


async def full_refusal(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        async with SqliteStore(Path(folder) / "store.db") as store:
            nothing: Any = None
            datasets = DatasetService(
                store=store,
                clock=SystemClock(),
                templates=nothing,
                staging=nothing,
                platform=nothing,
                connectors=nothing,
                settings=nothing,
            )
            only = CallsOnlyServices(CallAudit(store, SystemClock(), RandomIds()), datasets)

            async def services() -> Services:
                return cast("Services", only)

            async with Client(build_server(services, version="1"), mode=MODERN) as client:
                result = await client.call_tool(tool, arguments)
            [entry] = await store.read(lambda uow: uow.audit.find(AuditQuery()))
    body = read_refusal(result)
    recorded = parse_entry(entry.document)
    assert (recorded.audit_id, recorded.decision) == (body.pop("audit_id"), Decision.REFUSED)
    assert body.pop("code") == "invalid_argument"
    return body


async def test_an_unknown_argument_is_named_with_the_nearest_known_one() -> None:
    assert await refusal("provision_dataset", ACME | {"jorney": "j1"}) == {
        "message": "There is no argument 'jorney'; the nearest is 'journey_id'.",
        "field": "jorney",
        "candidates": ["journey_id"],
    }


async def test_a_mistyped_name_comes_before_the_required_argument_that_it_was_meant_to_be() -> None:
    given = {"datasetid": "acme-1", "reason": "manual"}
    assert await refusal("teardown_dataset", given) == {
        "message": "There is no argument 'datasetid'; the nearest is 'dataset_id'. dataset_id is required.",
        "field": "datasetid",
        "candidates": ["dataset_id"],
    }


async def test_a_name_that_somebody_made_up_is_shown_short_and_printable() -> None:
    body = await refusal("list_orphans", {"\x1b[31mignore\n" + "x" * 5000: 1})
    assert body["field"] == "\\x1b[31mignore\\n" + "x" * 44
    assert len(body["message"]) < 150


async def test_confirm_is_no_argument_of_a_teardown() -> None:
    body = await full_refusal("teardown_dataset", WHATEVER | {"confirm": True})
    assert (body["field"], body["recovery"]) == ("confirm", "needs_human")
    assert body["suggested_action"] == "Do not repeat the call without it: ask a person what was meant."


@pytest.mark.parametrize(
    ("tool", "arguments", "field", "values", "near"),
    [
        ("provision_dataset", ACME | {"stage": "prod"}, "stage", STAGES, ["production"]),
        (
            "provision_dataset",
            ACME | {"dataset_type": "confluence"},
            "dataset_type",
            ["confluence_pages", "github_repos", "slack_messages", "jira_issues"],
            ["confluence_pages"],
        ),
        (
            "provision_dataset",
            ACME | {"data_source": "real"},
            "data_source",
            ["mock_template", "generated", "sanitized_production"],
            [],
        ),
        (
            "teardown_dataset",
            WHATEVER | {"reason": "done"},
            "reason",
            ["stage_completed", "journey_completed", "orphaned", "provision_failed", "manual"],
            [],
        ),
        ("list_orphans", {"stage": 7}, "stage", STAGES, STAGES),
    ],
)
async def test_an_unknown_value_of_an_enumeration_gets_the_known_ones_and_the_near_ones_as_candidates(
    tool: str, arguments: dict[str, Any], field: str, values: list[str], near: list[str]
) -> None:
    body = await full_refusal(tool, arguments)
    assert body["message"] == f"{field} must be one of {', '.join(values)}."
    assert body["suggested_action"].endswith(f"one of {', '.join(values)}.")
    assert (body["field"], body.get("candidates", [])) == (field, near)


@pytest.mark.parametrize(
    ("tool", "arguments", "action"),
    [
        ("provision_dataset", ACME | {"retry": 1}, 'Give "retry" as true or false.'),
        ("provision_dataset", ACME | {"wait_s": "soon"}, 'Give "wait_s" as a number, such as 10.'),
        ("provision_dataset", ACME | {"wait_s": 51}, 'Give "wait_s": 50, or less.'),
        (
            "provision_dataset",
            ACME | {"record_count": 0},
            'Leave out "record_count", or correct it, and call again.',
        ),
        (
            "provision_dataset",
            ACME | {"record_count": "twelve"},
            'Give "record_count" as a whole number, such as 10.',
        ),
        ("provision_dataset", ACME | {"client_id": 5.5}, 'Give "client_id" as one text, in quotes.'),
        ("list_orphans", {"shape": "x"}, 'Leave out "shape".'),
        ("teardown_dataset", {"id": "x", "reason": "manual"}, 'Use "dataset_id" instead of "id".'),
        ("teardown_dataset", {"dataset_id": "x"}, 'Add "reason".'),
        ("teardown_dataset", {"reason": "manual", "dataset_id": None}, 'Add "dataset_id".'),
    ],
)
async def test_what_to_do_names_the_argument_as_it_is_to_be_given(
    tool: str, arguments: dict[str, Any], action: str
) -> None:
    assert (await full_refusal(tool, arguments))["suggested_action"] == action


@pytest.mark.parametrize(
    ("tool", "arguments", "field", "complaint"),
    [
        (
            "provision_dataset",
            {"record_count": 0},
            "record_count",
            "input should be greater than or equal to 1.",
        ),
        (
            "provision_dataset",
            {"record_count": -3},
            "record_count",
            "input should be greater than or equal to 1.",
        ),
        ("provision_dataset", {"record_count": "0x1f"}, "record_count", "input should be a valid integer."),
        ("provision_dataset", {"record_count": 12.5}, "record_count", "input should be a valid integer."),
        ("provision_dataset", {"record_count": True}, "record_count", "input should be a valid integer."),
        ("provision_dataset", {"retry": "yes"}, "retry", "input should be a valid boolean."),
        ("provision_dataset", {"retry": 1}, "retry", "input should be a valid boolean."),
        ("provision_dataset", {"wait_s": 51}, "wait_s", "input should be less than or equal to 50."),
        ("provision_dataset", {"wait_s": -1}, "wait_s", "input should be greater than or equal to 0."),
        ("provision_dataset", {"wait_s": "1e1"}, "wait_s", "input should be a valid number."),
        ("provision_dataset", {"template_id": ["a"]}, "template_id", "input should be a valid string."),
        ("list_orphans", {"limit": 201}, "limit", "input should be less than or equal to 200."),
        ("list_orphans", {"limit": 0}, "limit", "input should be greater than or equal to 1."),
        ("list_orphans", {"min_age_days": -1}, "min_age_days", "input should be greater than or equal to 0."),
        ("check_connector_health", {"limit": 5.5}, "limit", "input should be a valid integer."),
        (
            "check_connector_health",
            {"cursor": "x" * 401},
            "cursor",
            "string should have at most 400 characters.",
        ),
    ],
)
async def test_what_a_type_does_not_allow_is_refused(
    tool: str, arguments: dict[str, Any], field: str, complaint: str
) -> None:
    body = await refusal(tool, (ACME if tool == "provision_dataset" else {}) | arguments)
    assert body["field"] == field
    assert body["message"] == f"{field}: {complaint}"


@pytest.mark.parametrize("bad", ["../x", "a/b", "a\x00b", ".hidden", "-a", "a b", "a\n", "ä", "a\\b"])
@pytest.mark.parametrize(
    ("tool", "field", "others"),
    [
        ("provision_dataset", "client_id", ACME),
        ("provision_dataset", "journey_id", ACME),
        ("teardown_dataset", "dataset_id", WHATEVER),
        ("check_connector_health", "connector_id", {}),
        ("check_connector_health", "dataset_id", {}),
        ("list_orphans", "client_id", {}),
    ],
)
async def test_an_id_that_could_be_a_path_is_refused(
    tool: str, field: str, others: dict[str, Any], bad: str
) -> None:
    assert await refusal(tool, others | {field: bad}) == {"message": f"{field} {NAMED}", "field": field}


@pytest.mark.parametrize(
    ("tool", "field", "others", "most"),
    [
        ("provision_dataset", "client_id", ACME, 64),
        ("provision_dataset", "journey_id", ACME, 64),
        ("teardown_dataset", "dataset_id", WHATEVER, 200),
        ("check_connector_health", "connector_id", {}, 200),
    ],
)
async def test_an_id_that_is_too_long_is_refused(
    tool: str, field: str, others: dict[str, Any], most: int
) -> None:
    assert await refusal(tool, others | {field: "a" * (most + 1)}) == {
        "message": f"{field}: string should have at most {most} characters.",
        "field": field,
    }


@pytest.mark.parametrize("tool", ["provision_dataset", "teardown_dataset"])
async def test_a_required_id_that_is_empty_is_refused(tool: str) -> None:
    given = ACME | {"client_id": ""} if tool == "provision_dataset" else WHATEVER | {"dataset_id": ""}
    field = next(name for name, value in given.items() if value == "")
    assert await refusal(tool, given) == {"message": f"{field} {NAMED}", "field": field}


async def test_every_flaw_is_told_at_once_and_what_was_given_is_not_repeated() -> None:
    body = await refusal("provision_dataset", {"client_id": 5.5, "stage": "SECRET"})
    assert body == {
        "message": "client_id: input should be a valid string. journey_id is required. "
        "stage must be one of sandbox, pilot, production. dataset_type is required.",
        "field": "client_id",
    }


async def test_a_required_argument_that_is_null_is_refused() -> None:
    body = await refusal("teardown_dataset", {"dataset_id": None, "reason": "manual"})
    assert body == {"message": "dataset_id: input should be a valid string.", "field": "dataset_id"}


async def test_an_unknown_argument_is_refused_even_when_it_is_null() -> None:
    assert (await refusal("list_orphans", {"customer": None}))["field"] == "customer"


def test_a_wait_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="wait_s: input should be a finite number"):
        TOOL.fn_metadata.validate_arguments(WHATEVER | {"wait_s": float("nan")})
