"""Words of errors at a command line: the domain speaks of calls and their arguments, a person types commands."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PHRASES: Final = (
    ("the argument named in `field`", "the option that is named above"),
    ("wait for `retry_after_s` seconds", "wait that long"),
    ("make the same call", "run the same command"),
    ("call again", "run the command again"),
)
_TOOL_CALL: Final = re.compile(r"\bcall (\w+)_dataset with (\{[^{}]*\})")
_SWITCH: Final = re.compile(r'"(\w+)": true')
_NAME: Final = re.compile(r'"(\w+)"')
_WITH_RETRY: Final = re.compile(r"\bwith retry\b")


def say_for_command(text: str, options: Mapping[str, str]) -> str:
    """The text with commands for calls, and with the command's options for the arguments that it names.

    `options` has the option of each argument of the command that runs, such as `--record-count`.
    """
    text = _TOOL_CALL.sub(lambda found: f"run `{_command_line(found[1], json.loads(found[2]))}`", text)
    for words, instead in _PHRASES:
        text = text.replace(words, instead).replace(words.capitalize(), instead.capitalize())
    text = _SWITCH.sub(lambda found: options.get(found[1], found[0]), text)
    text = _NAME.sub(lambda found: options.get(found[1], found[0]), text)
    return _WITH_RETRY.sub(f"with {options['retry']}", text) if "retry" in options else text


def _command_line(verb: str, arguments: Mapping[str, Any]) -> str:
    words = ["dataset-lifecycle", verb]
    for name, value in arguments.items():
        words += [f"--{name.replace('_', '-')}", *([] if value is True else [shlex.quote(str(value))])]
    return " ".join(words)
