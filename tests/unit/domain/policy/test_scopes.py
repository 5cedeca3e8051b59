"""The table of verbs and scopes, and the refusals that it makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.errors import ForbiddenError
from domain.model.principal import Principal
from domain.policy.scopes import ALL_SCOPES, SCOPE_OF_VERB, require_scope, required_scope

PAGE = Path(__file__).parents[4] / "docs" / "identity.md"

WORDS = {
    "health": {"health"},
    "orphans (listing)": {"orphans"},
    "datasets": {"datasets list", "datasets show"},
    "templates": {"templates list", "templates show", "templates validate"},
    "templates new": {"templates new"},
    "sanitize preview": {"sanitize preview"},
    "archives list/show/verify": {"archives list", "archives show", "archives verify"},
    "approvals list/show": {"approvals list", "approvals show"},
    "provision": {"provision"},
    "templates import": {"templates import"},
    "recheck": {"datasets recheck"},
    "refresh": {"datasets refresh"},
    "cancel of a provision": {"cancel provision"},
    "restore": {"restore"},
    "journeys renew": {"journeys renew"},
    "datasets protect (lengthening only)": {"datasets protect"},
    "teardown": {"teardown"},
    "cancel of a teardown": {"cancel teardown"},
    "archives snapshot": {"archives snapshot", "cancel snapshot"},
    "clients and journeys add": {"clients add", "journeys add"},
    "set-state": {"journeys set-state"},
    "promote": {"journeys promote"},
    "approvals approve/decline": {"approvals approve", "approvals decline"},
    "unprotect and shorter leases": {"datasets unprotect", "leases shorten"},
    "never with an `act` claim": set(),
    "drain": {"drain"},
    "sweep": {"orphans sweep"},
    "purge": {"archives purge"},
    "audit": {"audit"},
    "schedules": {"schedules"},
    "events": {"events"},
    "backup": {"backup"},
    "platform show": {"platform show"},
    "platform move": {"platform move"},
}
"""The document's words for verbs, and the verbs."""

BESIDE = {"clients list": "datasets:read", "journeys list": "datasets:read", "orphans scan": "admin"}
"""What the document says below its table."""


def test_the_table_is_that_of_the_document() -> None:
    rows = re.findall(
        r"^\| `([a-z:]+)` \| (.+) \|$", PAGE.read_text().partition("## Scopes")[2], re.MULTILINE
    )
    told = {
        verb: scope for scope, said in rows for phrase in re.split(r"[,;] ", said) for verb in WORDS[phrase]
    }
    assert [scope for scope, _ in rows] == list(ALL_SCOPES)
    assert told | BESIDE == SCOPE_OF_VERB


@pytest.mark.parametrize("verb", SCOPE_OF_VERB)
def test_a_verb_is_for_whoever_has_its_scope_and_nobody_else(verb: str) -> None:
    require_scope(Principal(subject="kim"), verb)
    require_scope(Principal(subject="kim", scopes=frozenset({SCOPE_OF_VERB[verb]})), verb)
    for scopes in (frozenset(ALL_SCOPES) - {SCOPE_OF_VERB[verb]}, frozenset()):
        with pytest.raises(ForbiddenError) as refused:
            require_scope(Principal(subject="kim", scopes=scopes), verb)
        assert refused.value.as_dict() == {
            "code": "forbidden",
            "message": f"{verb} needs the scope {SCOPE_OF_VERB[verb]}, which this caller does not have.",
            "recovery": "needs_human",
            "scope": SCOPE_OF_VERB[verb],
            "suggested_action": "Ask an administrator whether this account may have that scope.",
        }


@pytest.mark.parametrize("scopes", [None, frozenset(ALL_SCOPES)])
def test_an_agent_on_somebodys_behalf_never_approves(scopes: frozenset[str] | None) -> None:
    agent = Principal(subject="kim", scopes=scopes, actors=("journey-agent",))
    require_scope(agent, "teardown")
    for verb in ("approvals approve", "approvals decline", "datasets unprotect", "leases shorten"):
        with pytest.raises(ForbiddenError, match="Only a person"):
            require_scope(agent, verb)


def test_a_verb_of_a_whole_group_has_the_groups_scope_and_an_unknown_one_none() -> None:
    assert (required_scope("audit verify"), required_scope("drain on")) == ("admin", "admin")
    assert required_scope("audit export head") == "admin"
    for verb in ("datasets drop", "wish", ""):
        with pytest.raises(KeyError):
            required_scope(verb)


def test_a_caller_changes_their_own_journey_only_when_bound_to_one() -> None:
    assert Principal(subject="kim").can_change_journey("j1")
    assert Principal(subject="kim", journey_id="j1").can_change_journey("j1")
    assert not Principal(subject="kim", journey_id="j1").can_change_journey("j2")
