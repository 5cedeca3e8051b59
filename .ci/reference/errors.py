"""Reference of errors: docs/reference/errors.md, from the tree of refusals and failures."""

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

Generated from `domain/errors.py` by `just reference`. A test compares the page with the code.

Every refusal and failure has one shape. A tool answers with `isError: true` and two texts: a plain sentence, which says
what was refused, why, and what to do, and one JSON object. The same object is in `_meta` under
`dataset-lifecycle/error`. A command prints it with `--json`.

```json
{
  "error": {
    "code": "unknown_client",
    "message": "There is no client 'acmee'.",
    "recovery": "fix_input",
    "field": "client_id",
    "candidates": ["acme"],
    "suggested_action": "Use the candidate that was meant; otherwise have a person name or add the client."
  }
}
```

| field | |
|---|---|
| `code` | the kind of error, one of those below |
| `message` | a sentence for a person |
| `recovery` | what can make the call succeed, see below |
| `field` | the argument or setting that is wrong |
| `candidates` | values that would be valid instead, the likeliest first |
| `retry_after_s` | when to call again, in seconds |
| `blocking_checks` | every check that blocks it: `check` (a code), `what` it found, `since` when, what `clears` it |
| `suggested_action` | what to do |
| `audit_id` | the id of the call in the [audit log](../audit.md) |

A field that is not known is left out. Some errors have further fields, such as `dataset_id`, `step` and `cause`.

| recovery | |
|---|---|
"""

_RECOVERIES: Final = {
    Recovery.FIX_INPUT: "the caller corrects the input and calls again",
    Recovery.WAIT: "the same call succeeds later",
    Recovery.NEEDS_HUMAN: "a person has to do something first",
    Recovery.CHOOSE_OTHER: "the caller asks for something else",
    Recovery.NEVER: "the call cannot succeed",
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
