"""The confirmer of teardowns that a person at this terminal is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.model import SCOPE_APPROVE
from server.cli.command import on_terminal
from server.cli.prompts import TypedNameConfirmer

if TYPE_CHECKING:
    from collections.abc import Collection

    from domain.model import ConfirmationRequest, Confirmer
    from server.cli.command import Invocation
    from tools.services import Services


def terminal_confirmer(
    run: Invocation, services: Services, confirmed: Collection[ConfirmationRequest] = ()
) -> Confirmer | None:
    """The confirmer for a person on this terminal; None without a terminal, so that a request is filed."""
    if not on_terminal():
        return None
    alone = run.principal.has_scope(SCOPE_APPROVE) and not run.load_settings().identity.configured
    return TypedNameConfirmer(
        run.output.aside, services.approvals, services.clock, alone=alone, confirmed=confirmed
    )
