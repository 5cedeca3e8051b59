"""Arguments whose types a host has changed: what can only mean one thing is taken, and nothing else is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.server.context import ServerRequestContext

from tools.edge.arguments import JsonArgumentsMiddleware, restore_types
from tools.toolsets import TOOLSETS, select_tools

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult
    from pydantic.fields import FieldInfo

    from tools.edge.tool import LifecycleTool

TOOLS = {each.name: each for each in select_tools(tuple(TOOLSETS))}
ARGUMENTS = [
    pytest.param(tool, name, schema, id=f"{tool.name}-{name}")
    for tool in TOOLS.values()
    for name, schema in tool.parameters["properties"].items()
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
EMPTY = ("", " ", "null", "NULL", None)
NOTHING = ("None", "none", "undefined")
IDS = {"client_id", "connector_id", "dataset_id", "journey_id"}


def known(tool: LifecycleTool) -> dict[str, FieldInfo]:
    return tool.fn_metadata.arg_model.model_fields


def restored(tool: LifecycleTool, name: str, value: object) -> object:
    """What an argument becomes; LEFT_OUT when it is left out."""
    return restore_types({name: value, "other": 1}, known(tool)).get(name, "LEFT_OUT")


def forms_of(schema: dict[str, Any]) -> list[tuple[Any, Any]]:
    """What hosts make of a value of that schema, each with the value."""
    if "enum" in schema:
        return [(each, each) for each in schema["enum"]]
    forms: dict[str, list[tuple[Any, Any]]] = {
        "string": [(1042, "1042"), (0, "0"), (-1, "-1"), ("1042", "1042"), (" a ", " a ")],
        "integer": [("50", 50), (" 7 ", 7), (10.0, 10), ("10.0", 10), ("-3", -3), (5, 5)],
        "number": [("2.5", 2.5), ("10", 10), (10, 10), ("-0.5", -0.5)],
        "boolean": [("true", True), ("False", False), (" TRUE ", True), (False, False)],
    }
    return forms[schema["type"]]


def ambiguous(schema: dict[str, Any]) -> list[Any]:
    """What may mean this or that, or nothing, and stays as it is."""
    if "enum" in schema:
        return [7, True, *(each.upper() for each in schema["enum"]), *(f" {each}" for each in schema["enum"])]
    return {
        "string": [1042.0, 1.5, True, ["1042"], {"id": "1042"}],
        "integer": ["1e3", "0x10", "ten", "1,000", "5 5", 2.5, True, 2.0**60, float("nan"), ["5"]],
        "number": ["1e1", "nan", "inf", "soon", True],
        "boolean": [0, 1, "0", "1", "yes", "no", "on", "t"],
    }[schema["type"]]


@pytest.mark.parametrize(("tool", "name", "schema"), ARGUMENTS)
def test_what_can_only_mean_one_value_is_that_value(
    tool: LifecycleTool, name: str, schema: dict[str, Any]
) -> None:
    for given_value, meant in forms_of(schema):
        found = restored(tool, name, given_value)
        assert (type(found), found) == (type(meant), meant)


@pytest.mark.parametrize(("tool", "name", "schema"), ARGUMENTS)
def test_what_may_mean_several_things_stays_as_it_is(
    tool: LifecycleTool, name: str, schema: dict[str, Any]
) -> None:
    for value in ambiguous(schema):
        assert repr(restored(tool, name, value)) == repr(value)


@pytest.mark.parametrize(("tool", "name", "schema"), ARGUMENTS)
def test_an_optional_argument_without_a_value_is_left_out_and_a_required_one_stays(
    tool: LifecycleTool, name: str, schema: dict[str, Any]
) -> None:
    required = name in tool.parameters.get("required", ())
    for value in EMPTY:
        assert restored(tool, name, value) == (value if required else "LEFT_OUT"), schema
    for value in NOTHING:
        assert restored(tool, name, value) == (value if required or name in IDS else "LEFT_OUT"), schema


@given(dataset_id=ANY_JSON, reason=ANY_JSON)
def test_no_restoring_changes_what_a_teardown_is_about_into_something_else(
    dataset_id: object, reason: object
) -> None:
    found = restore_types({"dataset_id": dataset_id, "reason": reason}, known(TOOLS["teardown_dataset"]))
    assert found["reason"] is reason
    assert found["dataset_id"] is dataset_id or found["dataset_id"] == json.dumps(dataset_id)


@given(st.dictionaries(st.sampled_from(["client_id", "stage", "limit", "cursor", "x", "input"]), ANY_JSON))
def test_restoring_twice_is_restoring_once(arguments: dict[str, Any]) -> None:
    fields = known(TOOLS["list_orphans"])
    once = restore_types(arguments, fields)
    if not arguments.keys() & {"input"}:
        assert repr(restore_types(once, fields)) == repr(once)


def test_an_unknown_argument_is_never_left_out() -> None:
    assert restore_types({"customer": None, "force": ""}, known(TOOLS["list_orphans"])) == {
        "customer": None,
        "force": "",
    }


@pytest.mark.parametrize("name", ["arguments", "args", "input", "kwargs", "parameters", "params"])
@pytest.mark.parametrize("as_text", [True, False])
def test_all_arguments_under_one_name_are_those_arguments(name: str, *, as_text: bool) -> None:
    inner = {"limit": "5", "client_id": 7}
    wrapped = {name: json.dumps(inner) if as_text else inner}
    assert restore_types(wrapped, known(TOOLS["list_orphans"])) == {"limit": 5, "client_id": "7"}


@pytest.mark.parametrize(
    "wrapped",
    [
        {"arguments": "acme"},
        {"arguments": '["acme"]'},
        {"arguments": '{"limit": 1, "limit": 2}'},
        {"arguments": 5},
        {"arguments": {"limit": 1}, "limit": 2},
        {"payload": {"limit": 1}},
        {"client_id": '{"limit": 1}'},
        {},
    ],
)
def test_what_is_not_all_arguments_as_one_stays_as_it_is(wrapped: dict[str, Any]) -> None:
    assert restore_types(wrapped, known(TOOLS["list_orphans"])) == wrapped


@pytest.mark.parametrize(
    ("method", "params", "passed_on"),
    [
        (
            "tools/call",
            {"name": "a", "arguments": '{"limit": 5}'},
            {"name": "a", "arguments": {"limit": 5}},
        ),
        ("tools/call", {"name": "a", "arguments": "[]"}, {"name": "a", "arguments": "[]"}),
        ("tools/call", {"name": "a", "arguments": "[" * 100_000}, None),
        ("tools/call", {"name": "a"}, {"name": "a"}),
        ("prompts/get", {"arguments": "{}"}, {"arguments": "{}"}),
        ("ping", None, None),
    ],
)
async def test_arguments_that_come_as_one_json_text_are_read(
    method: str, params: dict[str, Any] | None, passed_on: dict[str, Any] | None
) -> None:
    async def see(ctx: ServerRequestContext[Any, Any]) -> HandlerResult:
        return dict(ctx.params or {})

    session: Any = None
    request = ServerRequestContext[Any](
        session=session, lifespan_context=None, protocol_version="2026-07-28", method=method, params=params
    )
    found = await JsonArgumentsMiddleware()(request, cast("CallNext", see))
    assert found == (passed_on if passed_on is not None else dict(params or {}))
