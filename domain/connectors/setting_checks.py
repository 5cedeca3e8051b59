"""Setting checks: whether a connector's setting has the form that its type's connector schema gives it."""

from __future__ import annotations

import re
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from domain.connectors.cron import cron_problem
from domain.model import ConstantForm, CronForm, FlagForm, TextForm, UrlForm

SingleForm: TypeAlias = UrlForm | CronForm | FlagForm | ConstantForm | TextForm
"""The form of a setting that is one value, and no list."""

_LONGEST_URL: Final = 2000
_URL_RULE: Final = "must be an https address with a host, and without user, password, query or fragment"


def setting_problem(value: object, form: SingleForm) -> str | None:
    """What is wrong with a value, in words that follow the setting's name; None when it has the form."""
    match form:
        case UrlForm():
            return None if _is_https_url(value) else _URL_RULE
        case CronForm():
            return (
                cron_problem(value) if isinstance(value, str) else "must be a cron expression of five fields"
            )
        case FlagForm():
            return None if isinstance(value, bool) else "must be true or false"
        case ConstantForm(only):
            return None if value == only else f"must be {only}"
    # A form of another kind would have no rule to show, and the type checker says so.
    return None if isinstance(value, str) and form.form.fullmatch(value) else form.rule


def _is_https_url(value: object) -> bool:
    if not isinstance(value, str) or len(value) > _LONGEST_URL or re.search(r"[\s\x00-\x1f\x7f\\]", value):
        return False
    try:
        parts = urlsplit(value)
        # urlsplit checks the port only when it is read.
        _ = parts.port
    except ValueError:
        return False
    return bool(
        parts.scheme == "https"
        and parts.hostname
        and "@" not in parts.netloc
        and not parts.query + parts.fragment
    )
