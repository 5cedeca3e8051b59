"""docs/reference/errors.md, from the tree of refusals and failures."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from domain.errors import (
    ERRORS_BY_CODE,
    FailureError,
    InputError,
    LifecycleError,
    PlatformError,
    Recovery,
    RefusalError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = "errors.md"

_HEAD: Final = """\
# Errors

Generated from `domain/errors.py` by `just reference`; a test compares.

Every refusal and failure has one shape. A tool answers with `isError: true`; its text is one JSON object, and the same
object is in `_meta` under `dataset-lifecycle/error`. A command prints it with `--json`.

```json
{
  "error": {
    "code": "unknown_client",
    "message": "There is no client 'acmee'.",
    "recovery": "fix_input",
    "field": "client_id",
    "candidates": ["acme"],
    "suggested_action": "Use one of the candidates, or add the client first."
  }
}
```

| field | |
|---|---|
| `code` | what it is, one of those below |
| `message` | a sentence for a person |
| `recovery` | what can make the call succeed, see below |
| `field` | the argument or setting that is wrong |
| `candidates` | what would do in its place, the likeliest first |
| `retry_after_s` | when to call again, in seconds |
| `blocking_checks` | every check that forbids: `check` (a code), `what` it found, `since` when, what `clears` it |
| `suggested_action` | what to do |
| `audit_id` | under which id the call is [on record](../audit.md) |

What is not known is left out. Some errors carry further facts, such as `dataset_id`, `step` and `cause`.

| recovery | |
|---|---|
"""

_RECOVERIES: Final = {
    Recovery.FIX_INPUT: "the caller corrects what is wrong and calls again",
    Recovery.WAIT: "the same call succeeds later",
    Recovery.NEEDS_HUMAN: "a person has to do something first",
    Recovery.CHOOSE_OTHER: "something else has to be asked for",
    Recovery.NEVER: "it will not succeed",
}

_FAMILIES: Final = {
    InputError: "Wrong input",
    RefusalError: "Refusals",
    PlatformError: "Glean",
    FailureError: "Failures",
}


def render_page() -> str:
    """The whole page."""
    recoveries = "".join(f"| `{each}` | {_RECOVERIES[each]} |\n" for each in Recovery)
    return _HEAD + recoveries + "".join(_render_family(each) for each in _FAMILIES)


def _render_family(family: type[LifecycleError]) -> str:
    rows = "".join(_rows(family))
    return (
        f"\n## {_FAMILIES[family]}\n\n{inspect.getdoc(family)}\n\n"
        f"| code | usual recovery | meaning | what to do |\n|---|---|---|---|\n{rows}"
    )


def _rows(family: type[LifecycleError]) -> Iterator[str]:
    for code, kind in sorted(ERRORS_BY_CODE.items()):
        if issubclass(kind, family):
            meaning = " ".join((inspect.getdoc(kind) or "").split())
            yield f"| `{code}` | `{kind.recovery}` | {meaning} | {kind.action} |\n"
