"""Who comes: agents in a hurry, a tenant who looks at others' things, an agent that answers for a person, people."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mcp_types import ElicitResult, InputRequiredResult

from domain.model.principal import Principal
from tests.support.adversaries.hosts import HOSTS
from tests.support.adversaries.oracle import ActorIdentity
from tests.support.refusals import read_refusal, read_texts

if TYPE_CHECKING:
    from mcp.client.client import Client
    from mcp.client.context import ClientRequestContext
    from mcp_types import CallToolResult, ElicitRequestParams

MINE: Final = "acorn"
THEIRS: Final = "birchwood"
"""Two clients. Nothing that either has can be mistaken for anything of the other's."""

EVERY_SCOPE: Final = frozenset(
    {
        "datasets:read",
        "datasets:provision",
        "datasets:teardown",
        "datasets:approve",
        "journeys:write",
        "admin",
    }
)
TOOLS_SCOPES: Final = frozenset({"datasets:read", "datasets:provision", "datasets:teardown"})
NAME: Final = re.compile(r"Take down (\S+)\?")

HASTY: Final = ActorIdentity("agent:ops", forms=True)
BLUNT: Final = ActorIdentity("agent:ops")
RIVAL: Final = ActorIdentity("agent:other", forms=True)
TENANT: Final = ActorIdentity("mallory", clients=frozenset({MINE}), scopes=EVERY_SCOPE, forms=True)
DELEGATE: Final = ActorIdentity(
    "kim", clients=frozenset({MINE, THEIRS}), scopes=EVERY_SCOPE, act="journey-agent", forms=True
)
READER: Final = ActorIdentity("rex", scopes=frozenset({"datasets:read"}))
BOUND: Final = ActorIdentity("bo", clients=frozenset({MINE}), scopes=TOOLS_SCOPES, journey="aspen-way")
AGENTS: Final = (HASTY, BLUNT, RIVAL, TENANT, DELEGATE, READER, BOUND)
KIM: Final = ActorIdentity("kim")
LEE: Final = ActorIdentity("lee")
OWN_TOKEN: Final = ActorIdentity("journey-agent", scopes=EVERY_SCOPE)
"""The agent that acts for Kim, with a token of its own: it says nothing of anybody for whom it acts."""
PEOPLE: Final = (KIM, LEE, TENANT, DELEGATE, OWN_TOKEN, HASTY, READER)
"""Whoever tries to answer an approval request; not all of them are people."""


def principal(who: ActorIdentity) -> Principal:
    """The same, as the product knows them."""
    return Principal(
        subject=who.subject,
        clients=who.clients,
        scopes=who.scopes,
        actors=(who.act,) if who.act else (),
        journey_id=who.journey,
    )


@dataclass
class ScriptedAnswers:
    """What an agent's program answers to whatever question it is shown, and what it was shown."""

    how: str = "name"
    shown: list[str] = field(default_factory=list)

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.shown.append(params.message)
        return self.answer(params.message)

    def answer(self, message: str) -> ElicitResult:
        """The answer to that question."""
        found = NAME.search(message)
        assert found is not None, message
        match self.how:
            case "decline":
                return ElicitResult(action="decline")
            case "cancel":
                return ElicitResult(action="cancel")
            case "empty":
                return ElicitResult(action="accept", content={})
            case "boolean":
                return ElicitResult(action="accept", content={"confirm": True})
            case _:
                return ElicitResult(action="accept", content={"dataset_name": self.typed_name(found[1])})

    def typed_name(self, name: str) -> str | None:
        """What is typed where that name should be; None for what no person can have answered."""
        if self.how in AUTOMATIC:
            return None
        return {"name": name, "cased": name.lower(), "yes": "yes", "blank": f"{name} "}.get(self.how, "")


AUTOMATIC: Final = frozenset({"decline", "cancel"})
"""What programs without a person answer, as fast as programs do."""
HOW: Final = ("name", "cased", "yes", "blank", "decline", "cancel", "empty", "boolean")
UNTIMED: Final = tuple(each for each in HOW if each != "decline")
"""Those whose worth does not depend on how soon they come."""


@dataclass(frozen=True)
class ToolReply:
    """What a call came to: the answer, or the refusal, or a question; and all of its text, as a model reads it."""

    body: dict[str, Any] | None
    error: dict[str, Any] | None
    text: str

    @property
    def code(self) -> str:
        """The error's code, `ok` for an answer."""
        return "ok" if self.error is None else str(self.error["code"])


def parse_reply(result: CallToolResult) -> ToolReply:
    """A result, which must have the one shape in all of its places."""
    texts = read_texts(result)
    if result.is_error:
        return ToolReply(None, read_refusal(result), "\n".join(texts))
    assert [json.loads(each) for each in texts] == [result.structured_content]
    return ToolReply(result.structured_content, None, texts[0])


@dataclass
class McpActor:
    """Somebody with a program: one session in each protocol era."""

    who: ActorIdentity
    answers: ScriptedAnswers
    sessions: dict[str, Client]

    async def call(
        self, tool: str, arguments: dict[str, Any], era: str = "2026-07-28", host: str = "faithful"
    ) -> ToolReply:
        """Call a tool through that host; a question that comes back is answered as `answers` has it."""
        return parse_reply(await self.sessions[era].call_tool(tool, HOSTS[host](tool, arguments)))

    async def open_question(self, tool: str, arguments: dict[str, Any]) -> ToolReply | InputRequiredResult:
        """Call a tool in the newer era, and leave a question that comes back open."""
        raw = self.sessions["2026-07-28"].session
        found = await raw.call_tool(tool, arguments, allow_input_required=True)
        return found if isinstance(found, InputRequiredResult) else parse_reply(found)

    async def answer_question(
        self, tool: str, arguments: dict[str, Any], asked: InputRequiredResult, answer: ElicitResult
    ) -> ToolReply | InputRequiredResult:
        """Answer a question that was left open, whoever it was shown to."""
        assert asked.input_requests is not None
        raw = self.sessions["2026-07-28"].session
        found = await raw.call_tool(
            tool,
            arguments,
            input_responses=dict.fromkeys(asked.input_requests, answer),
            request_state=asked.request_state,
            allow_input_required=True,
        )
        return found if isinstance(found, InputRequiredResult) else parse_reply(found)
