"""What the domain says of calls and their arguments is said of commands and their options at a terminal."""

from __future__ import annotations

import pytest

from domain.errors import InvalidArgumentError, ProvisionFailedError
from server.cli.views.command_words import say_for_command
from server.cli.views.errors import render_error

OPTIONS = {"retry": "--retry", "record_count": "--record-count"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('Then call again with "retry": true.', "Then run the command again with --retry."),
        ('Call again with "retry": true.', "Run the command again with --retry."),
        ("Make the same call again.", "Run the same command again."),
        ("check it, and call again with retry.", "check it, and run the command again with --retry."),
        (
            'Ask for 3 or fewer, or leave out "record_count".',
            "Ask for 3 or fewer, or leave out --record-count.",
        ),
        (
            "Correct the argument named in `field` and call again.",
            "Correct the option that is named above and run the command again.",
        ),
        (
            "Wait for `retry_after_s` seconds, then make the same call again.",
            "Wait that long, then run the same command again.",
        ),
        (
            'call provision_dataset with {"client_id": "a c", "dataset_type": "slack_messages", "retry": true}.',
            "run `dataset-lifecycle provision --client-id 'a c' --dataset-type slack_messages --retry`.",
        ),
        ('The name is "other", and "flag": true.', 'The name is "other", and "flag": true.'),
    ],
)
def test_a_text_for_calls_is_said_for_commands(text: str, said: str) -> None:
    assert say_for_command(text, OPTIONS) == said


def test_a_command_without_that_option_says_nothing_of_it() -> None:
    text = 'Leave out "record_count"; call again with retry.'
    assert say_for_command(text, {}) == 'Leave out "record_count"; run the command again with retry.'


def test_an_error_at_a_terminal_names_the_option_that_was_wrong() -> None:
    error = InvalidArgumentError("record_count must be at least 1, not 0.", field="record_count")
    assert render_error(error, OPTIONS).plain == (
        "Refused: invalid_argument\n"
        "  record_count must be at least 1, not 0.\n"
        "  Where: --record-count\n"
        "  What to do: Correct the option that is named above and run the command again."
    )


def test_an_error_of_one_among_several_names_what_it_is_about() -> None:
    told = render_error(ProvisionFailedError("It failed."), about="ACME-Pilot-Slack").plain
    assert told == "ACME-Pilot-Slack: failed: provision_failed\n  It failed."
