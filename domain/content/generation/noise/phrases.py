"""What stale pages say: what was true once, and what the records of a story contradict."""

from __future__ import annotations

from typing import Final

from domain.content.generation.phrases.common import RULE
from domain.content.generation.phrases.forms import PageForm

STALE_FORMS: Final = {
    "incident": PageForm(
        "runbook",
        ("%(sys)s and %(symptom)s: nothing to do", "What %(sys)s does about %(symptom)s by itself"),
        (
            (
                "",
                (
                    (
                        "%(symptom)s cannot reach %(party)s: the %(comp)s of %(sys)s stops %(data)s at %(b)s %(unit)s.",
                        "Nobody has to look at %(symptom)s: in %(b)s tests the %(comp)s of %(sys)s kept %(signal)s at %(b)s %(unit)s.",
                    ),
                    RULE,
                ),
            ),
        ),
    ),
    "release": PageForm(
        "guide",
        ("Limits of the %(comp)s in %(sys)s", "%(sys)s and %(goal)s: not planned"),
        (
            (
                "",
                (
                    (
                        "The %(comp)s of %(sys)s holds %(b)s %(data)s at a time, and nobody plans %(goal)s for %(party)s.",
                        "%(party)s cannot have %(goal)s: the %(comp)s of %(sys)s holds %(b)s %(data)s, and that is all.",
                    ),
                    RULE,
                ),
            ),
        ),
    ),
    "decision": PageForm(
        "overview",
        ("How long %(sys)s keeps %(data)s", "%(comp)s of %(sys)s: what is kept"),
        (
            (
                "",
                (
                    (
                        "The %(comp)s of %(sys)s keeps %(data)s for %(c)s days, as it always has.",
                        "%(data)s stay in the %(comp)s of %(sys)s for %(c)s days; nobody has asked for another limit.",
                    ),
                    RULE,
                ),
            ),
        ),
    ),
    "migration": PageForm(
        "overview",
        ("%(sys)s on %(option2)s", "Where %(sys)s keeps its %(data)s"),
        (
            (
                "",
                (
                    (
                        "%(sys)s reads its %(data)s from %(option2)s, %(a)s an hour, and no move is planned.",
                        "The %(data)s of %(sys)s are in %(option2)s; %(w)s looked at %(option)s and advised against it.",
                    ),
                    RULE,
                ),
            ),
        ),
    ),
    "question": PageForm(
        "answer",
        ("%(topic)s in %(sys)s, in short", "%(sys)s: one rule for %(topic)s"),
        (
            (
                "",
                (
                    (
                        "The limit of %(topic)s in %(sys)s is %(c)s %(unit)s for everybody, %(party)s in %(place)s as well.",
                        "%(sys)s treats all %(party)s alike: the limit of %(topic)s is %(c)s %(unit)s, in %(place)s and elsewhere.",
                    ),
                    RULE,
                ),
            ),
        ),
    ),
}
"""One page for each kind of story."""
STALE_ENDS: Final = (
    "<p>Code: <a href='%(repo)s'>%(slug)s</a>. Page %(page)s is kept by %(w)s.</p>",
    "<p>%(w)s keeps page %(page)s for all who work on <a href='%(repo)s'>%(slug)s</a>.</p>",
)
"""What stands at their end; the issues of the story did not exist yet."""
