"""The tool `teardown_dataset`: archive a dataset, and remove its connector and staged documents."""

from __future__ import annotations

from typing import Final

from mcp_types import ToolAnnotations

from tools.answers.teardown import TeardownAnswer, load_teardown_answer
from tools.edge.arguments import DEFAULT_WAIT_S, DatasetId, TeardownReason, Wait
from tools.edge.elicitation import ElicitedConfirmer, GivenAnswer, GivenQuestion, read_answer
from tools.edge.progress import begin_progress
from tools.edge.tool import EdgeContext, GivenCaller, GivenServices, build_tool


async def teardown_dataset(
    *,
    ctx: EdgeContext,
    services: GivenServices,
    principal: GivenCaller,
    dataset_id: DatasetId,
    reason: TeardownReason,
    question: GivenQuestion,
    said: GivenAnswer,
    wait_s: Wait = DEFAULT_WAIT_S,
) -> TeardownAnswer:
    """Start, resume or attach to the teardown, wait a while, and answer how far it is."""
    from domain.lifecycle import TEARDOWN_SAGA

    pace, person, held_s = ctx.request_context.lifespan_context.pace, None, 0.0
    if question is not None:
        answer = read_answer(ctx, said)
        held_s = answer.held_s
        person = ElicitedConfirmer(question, answer, services, reading_s=pace.reading_s)
    begun = await services.teardowns.start_or_attach(dataset_id, reason, principal, person)
    left_s = max(0.0, pace.call_s - held_s) if held_s else wait_s
    listener = await begin_progress(ctx, begun.dataset, TEARDOWN_SAGA)
    result = await services.teardowns.wait(begun, min(wait_s, left_s), listener)
    return await load_teardown_answer(services, result, principal)


TOOL: Final = build_tool(
    teardown_dataset,
    verb="teardown",
    title="Take a dataset down",
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
    ),
)
