"""Whether webhooks can be reached, and what they have not been told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from domain.errors import format_timestamp
from domain.events import MAX_PARKED_COUNT
from server.doctor.report import Finding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from domain.events import WebhookStatus
    from server.settings.events import WebhookSettings

    Reach = Callable[[WebhookSettings], Awaitable[str | None]]

_PARKED = "`dataset-lifecycle events list --parked` shows them; `events redeliver` sends one again."
_UNREACHABLE = "Check its url, and the network and certificates between; what waits is sent when it answers."
_NOBODY = "Start `dataset-lifecycle serve`: only servers tell webhooks."
_UNKNOWN = (
    "Configure it under this name again, or leave it: a server that is configured like this tells it nothing, and what "
    "waits for it stays."
)


async def check_webhooks(
    configured: Sequence[WebhookSettings],
    standings: Mapping[str, WebhookStatus] | None,
    reach: Reach,
    *,
    serving: bool,
) -> list[Finding]:
    """One finding for each webhook that is configured here, and for each other that something waits for.

    Args:
        configured: those of the settings.
        standings: all that the store knows; None when it could not be read.
        reach: asks one whether it is there, and says why not.
        serving: whether a server runs.
    """
    errors: dict[str, str | None] = {}

    async def ask(each: WebhookSettings) -> None:
        errors[each.name] = await reach(each)

    async with anyio.create_task_group() as tasks:
        for each in configured:
            tasks.start_soon(ask, each)
    known = standings or {}
    found = [
        _configured_finding(
            each, known.get(each.name), errors[each.name], serving=serving, read=standings is not None
        )
        for each in configured
    ]
    names = {each.name for each in configured}
    return found + [
        _unknown_finding(each) for name, each in known.items() if name not in names and each.unsettled
    ]


def _configured_finding(
    webhook: WebhookSettings, standing: WebhookStatus | None, error: str | None, *, serving: bool, read: bool
) -> Finding:
    area = f"webhook {webhook.name}"
    keys = "1 key" if len(webhook.secrets) == 1 else f"{len(webhook.secrets)} keys"
    said = ["it answers" if error is None else error, keys]
    if standing:
        said += _describe_status(standing)
    else:
        said.append("no server has told it anything yet" if read else "what waits is not known")
    message = ", ".join(said)
    if error is not None:
        return Finding(area=area, ok=False, message=message, action=_UNREACHABLE)
    if standing and standing.parked:
        return Finding(area=area, ok=True, warning=True, message=message, action=_PARKED)
    if standing and standing.unsettled and not serving:
        return Finding(area=area, ok=True, warning=True, message=message, action=_NOBODY)
    return Finding(area=area, ok=True, message=message)


def _unknown_finding(standing: WebhookStatus) -> Finding:
    return Finding(
        area=f"webhook {standing.webhook}",
        ok=True,
        warning=True,
        message=", ".join(["not configured here", *_describe_status(standing)]),
        action=_UNKNOWN,
    )


def _describe_status(standing: WebhookStatus) -> list[str]:
    said = [f"{standing.waiting} wait"]
    if standing.since:
        said[0] += f" since {format_timestamp(standing.since)}"
    if standing.behind:
        said.append(f"{standing.behind} more are not looked at yet")
    many = " or more" if standing.parked == MAX_PARKED_COUNT else ""
    said.append(f"{standing.parked}{many} parked")
    if standing.error:
        said.append(f"last error: {standing.error}")
    return said
