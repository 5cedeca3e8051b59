"""Explanations of errors where they are listed: what is wrong, and what to do where that is not the usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.errors import LifecycleError


def explain_error(error: LifecycleError) -> str:
    """The message of an error, with what to do when it says more than every error of its kind."""
    action = error.suggested_action
    return f"{error.message} {action}" if action and action != type(error).action else error.message
