"""Questions: one that somebody asks, a first hint, the answer, and where it is written down."""

from __future__ import annotations

from typing import Final

from domain.content.generation.phrases.common import COST, EVIDENCE, NEXT, PEOPLE, RULE, SCALE
from domain.content.generation.phrases.forms import IssueForm, PageForm, StoryForms

_ASKED: Final = (
    "How do %(topic)s work for %(party)s in %(place)s, where ticket %(x)s names %(c)s %(data)s that %(sys)s treats otherwise?",
    "Who knows about %(topic)s in %(sys)s, for %(a)s %(data)s that %(party)s in %(place)s asked about on %(e)s?",
    "Do %(topic)s of %(sys)s differ between %(place)s and %(place2)s, as %(limit)s of %(limit2)s %(party)s say?",
)
_HINT: Final = (
    "The %(comp)s decides it, as far as I know; commit %(r)s changed %(b)s lines there on %(e)s.",
    "In %(ver0)s it was %(v0)s for everybody, look at commit %(r)s; since %(ver)s I am not sure.",
    "%(pteam)s asked the same on %(e)s, for %(c)s %(pdata)s; %(w)s may remember.",
)
_ANSWER: Final = (
    "The limit of %(topic)s is %(limit)s %(unit)s for %(party)s since %(sys)s %(ver)s, and %(limit2)s in %(place2)s.",
    "%(topic)s follow the %(comp)s: the limit is %(limit)s for %(party)s in %(place)s since %(sys)s %(ver)s, and %(limit2)s for all others.",
    "Since %(ver)s the limit of %(topic)s in %(sys)s is %(limit)s for %(party)s; only %(place2)s has %(limit2)s, by contract %(x)s.",
)
_THANKS: Final = (
    "Thanks %(lead)s, I wrote it down at %(link0)s and closed ticket %(x)s.",
    "That settles %(key0)s; the page is %(link0)s, with %(b)s examples from %(place)s.",
    "%(link0)s has it now, and %(key1)s puts %(limit)s into the form that %(party)s see.",
)
_STATED: Final = (
    "%(topic)s in %(sys)s: %(limit)s %(unit)s for %(party)s in %(place)s, %(limit2)s in %(place2)s, since version %(ver)s.",
    "For %(party)s in %(place)s, %(sys)s applies %(topic)s after %(limit)s %(unit)s; in %(place2)s after %(limit2)s, since %(ver)s.",
)
_EXAMPLE: Final = (
    "Example of %(e)s: %(c)s %(data)s from %(place)s came at %(q)s and were answered after %(limit)s %(unit)s.",
    "With %(a)s %(data)s on %(e)s, %(b)s reached the limit, all of them on %(h)s before %(q)s.",
    "Ticket %(x)s is the usual case: %(b)s %(data)s of %(party)s, booked at %(q)s and due on %(f)s.",
)

FORMS: Final = StoryForms(
    messages=(
        (_ASKED,),
        (_HINT,),
        (_ANSWER, EVIDENCE),
        (_THANKS,),
    ),
    issues=(
        IssueForm(
            "Task",
            (
                "%(topic)s of %(sys)s differ for %(party)s in %(place)s",
                "Clear up %(topic)s for %(party)s (ticket %(x)s)",
            ),
            (_ASKED, _EXAMPLE, NEXT),
            0,
            4,
        ),
        IssueForm(
            "Task",
            (
                "Show %(topic)s and the limit of %(limit)s to %(party)s",
                "%(sys)s: form for %(topic)s says %(limit)s %(unit)s",
            ),
            (_STATED, SCALE, COST),
            4,
            26,
        ),
        IssueForm(
            "Bug",
            (
                "%(sys)s answers %(b)s %(data)s with %(limit2)s instead of %(limit)s",
                "%(comp)s ignores %(topic)s for %(place2)s",
            ),
            (_EXAMPLE, EVIDENCE, NEXT),
            2,
            15,
        ),
        IssueForm(
            "Task",
            (
                "Test %(topic)s with %(a)s %(data)s of %(place2)s",
                "%(psys)s uses the same %(topic)s as %(sys)s",
            ),
            (RULE, PEOPLE, NEXT),
            6,
            33,
        ),
    ),
    pages=(
        PageForm(
            "answer",
            (
                "%(topic)s in %(sys)s for %(party)s",
                "%(sys)s: %(topic)s in %(place)s and %(place2)s (%(key0)s)",
            ),
            (
                ("Answer", (_STATED, RULE)),
                ("Examples", (_EXAMPLE, EVIDENCE)),
                ("Whom to ask", (PEOPLE,)),
            ),
        ),
        PageForm(
            "guide",
            (
                "Looking %(topic)s up in %(sys)s (%(key1)s)",
                "%(topic)s: where %(sys)s keeps %(data)s of %(place)s",
            ),
            (
                (
                    "Where",
                    (
                        (
                            "The %(comp)s of %(sys)s decides about %(topic)s; commit %(r)s changed %(b)s lines there on %(e)s.",
                            "In %(ver0)s %(topic)s were %(v0)s %(unit)s for everybody; since %(ver)s the %(comp)s tells %(party)s apart.",
                            "Open ticket %(x)s in %(sys)s and look at the %(comp)s: %(topic)s stand beside the %(data)s.",
                        ),
                        EVIDENCE,
                    ),
                ),
                ("How much", (SCALE, _EXAMPLE)),
                ("Next", (NEXT,)),
            ),
        ),
        PageForm(
            "notes",
            (
                "Support round of %(date)s: %(topic)s and %(symptom)s",
                "%(weekday)s round of %(team)s, %(date)s: %(topic)s",
            ),
            (
                ("", (PEOPLE, _EXAMPLE)),
                ("Figures", (SCALE, EVIDENCE)),
                ("To do", (NEXT, COST)),
            ),
        ),
        PageForm(
            "overview",
            (
                "%(party)s in %(place)s: what %(sys)s does for them (%(key0)s)",
                "%(sys)s and %(psys)s for %(party)s, as of %(date)s",
            ),
            (
                ("", (SCALE, _STATED)),
                ("Rules", (RULE, _EXAMPLE)),
                ("Whom to ask", (PEOPLE,)),
            ),
        ),
    ),
)
