"""Findings about webhooks: whether they can be reached, and which events wait for them."""

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

_PARKED = (
    "`dataset-lifecycle events list --parked` shows them, "
    "and `dataset-lifecycle events redeliver ID` sends one again."
)
_UNREACHABLE = "Check its url, the network and the certificates; events that wait are sent when it answers."
_NO_SERVER = "Start `dataset-lifecycle serve`: only servers send events to webhooks."
_UNKNOWN = (
    "Configure it under this name again, or leave it as it is: a server with these settings sends it nothing, and the "
    "events that wait for it are kept."
)


async def check_webhooks(
    configured: Sequence[WebhookSettings],
    statuses: Mapping[str, WebhookStatus] | None,
    reach: Reach,
    *,
    serving: bool,
) -> list[Finding]:
    """Check each webhook that is configured here, and each other one for which events wait.

    Args:
        configured: the webhooks in the settings.
        statuses: those that the store knows, by name; None when it could not be read.
        reach: checks whether a webhook answers; returns why not, or None.
        serving: whether a server runs.
    """
    errors: dict[str, str | None] = {}

    async def ask(each: WebhookSettings) -> None:
        errors[each.name] = await reach(each)

    async with anyio.create_task_group() as tasks:
        for each in configured:
            tasks.start_soon(ask, each)
    known = statuses or {}
    found = [
        _configured_finding(
            each, known.get(each.name), errors[each.name], serving=serving, read=statuses is not None
        )
        for each in configured
    ]
    names = {each.name for each in configured}
    return found + [
        _unknown_finding(each) for name, each in known.items() if name not in names and each.unsettled
    ]


def _configured_finding(
    webhook: WebhookSettings, status: WebhookStatus | None, error: str | None, *, serving: bool, read: bool
) -> Finding:
    area = f"webhook {webhook.name}"
    keys = "1 key" if len(webhook.secrets) == 1 else f"{len(webhook.secrets)} keys"
    parts = ["it answers" if error is None else error, keys]
    if status:
        parts += _describe_status(status)
    else:
        parts.append("no server has sent it anything yet" if read else "what waits is not known")
    message = ", ".join(parts)
    if error is not None:
        return Finding(area=area, ok=False, message=message, action=_UNREACHABLE)
    if status and status.parked:
        return Finding(area=area, ok=True, warning=True, message=message, action=_PARKED)
    if status and status.unsettled and not serving:
        return Finding(area=area, ok=True, warning=True, message=message, action=_NO_SERVER)
    return Finding(area=area, ok=True, message=message)


def _unknown_finding(status: WebhookStatus) -> Finding:
    return Finding(
        area=f"webhook {status.webhook}",
        ok=True,
        warning=True,
        message=", ".join(["not configured here", *_describe_status(status)]),
        action=_UNKNOWN,
    )


def _describe_status(status: WebhookStatus) -> list[str]:
    parts = [f"{status.waiting} wait"]
    if status.since:
        parts[0] += f" since {format_timestamp(status.since)}"
    if status.behind:
        parts.append(f"{status.behind} more are not checked yet")
    many = " or more" if status.parked == MAX_PARKED_COUNT else ""
    parts.append(f"{status.parked}{many} parked")
    if status.error:
        parts.append(f"last error: {status.error}")
    return parts
