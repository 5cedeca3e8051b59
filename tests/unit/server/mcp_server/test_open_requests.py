"""Requests that are not answered yet."""

from __future__ import annotations

from typing import Any, cast

import anyio

from server.mcp_server.open_requests import OpenRequestsMiddleware


async def test_it_waits_for_the_last_answer_and_not_where_there_is_nothing_to_answer() -> None:
    requests, let_answer, order = OpenRequestsMiddleware(), anyio.Event(), list[str]()
    await requests.wait_until_answered()

    async def answer(_: object) -> Any:  # noqa: ANN401 - the SDK's type
        await let_answer.wait()
        order.append("answered")

    async def wait() -> None:
        await requests.wait_until_answered()
        order.append("ended")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(requests, cast("Any", None), answer)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            let_answer.set()
    assert order == ["answered", "answered", "ended"]
