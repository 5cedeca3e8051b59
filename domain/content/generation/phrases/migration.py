"""Migrations: a start, its progress, what is in the way, and the end."""

from __future__ import annotations

from typing import Final

from domain.content.generation.phrases.common import COST, EVIDENCE, NEXT, PEOPLE, RULE, SCALE
from domain.content.generation.phrases.forms import IssueForm, PageForm, StoryForms

_START: Final = (
    "We move the %(data)s of %(sys)s from %(option2)s to %(option)s, %(n)s of them, beginning with %(party)s in %(place)s: %(issue0)s",
    "Today at %(t0)s the first of %(n)s %(data)s of %(sys)s leave %(option2)s for %(option)s; the plan is %(link0)s",
    "%(sys)s leaves %(option2)s: %(party)s in %(place)s move first, %(place2)s follows on %(later)s, see %(link0)s",
)
_PROGRESS: Final = (
    "%(c)s %(data)s are through by %(t1)s, %(b)s a minute, and %(signal)s is at %(v0)s %(unit)s on %(h)s.",
    "%(c)s of %(n)s %(data)s have moved, %(b)s a minute, none twice; %(w)s counts them on %(h)s.",
    "The first wave is at %(c)s %(data)s by %(t1)s, checked against %(c)s %(pdata)s of %(psys)s.",
)
_BLOCKED: Final = (
    "%(limit2)s %(data)s do not move: %(cause)s, seen on %(h)s at %(q)s, as %(key2)s says.",
    "We stop before the last %(limit2)s, because %(cause)s makes %(symptom)s for %(party)s in %(place2)s.",
    "%(psys)s still reads %(limit2)s %(data)s from %(option2)s, says trace %(r)s; %(guest)s looks.",
)
_DONE: Final = (
    "All %(data)s of %(party)s in %(place)s are on %(option)s since %(t2)s; %(option2)s is read-only for them until %(later)s.",
    "Done for today at %(t2)s, after %(took)s minutes: %(place)s is through, %(b)s %(data)s by hand, the report is %(link3)s",
    "%(sys)s serves %(party)s in %(place)s from %(option)s since %(t2)s, %(signal)s at %(v0)s %(unit)s: the first wave of %(key0)s.",
)
_REPORTED: Final = (
    "All %(data)s of %(party)s in %(place)s are on %(option)s since %(date)s; %(option2)s is read-only for them until %(later)s.",
    "%(place)s went through in %(took)s minutes on %(date)s, %(b)s %(data)s of them by hand.",
    "%(sys)s serves %(party)s in %(place)s from %(option)s since %(date)s, %(signal)s at %(v0)s %(unit)s.",
)
_PLAN: Final = (
    "%(n)s %(data)s of %(sys)s move from %(option2)s to %(option)s in waves, the last on %(later)s, each planned by %(w)s.",
    "By %(later)s %(option2)s is switched off; until then %(sys)s writes its %(data)s to both, %(c)s a second.",
    "%(party)s in %(place)s move on %(date)s, those in %(place2)s on %(later)s, with %(c)s %(data)s a night.",
)
_CHECK: Final = (
    "After each wave %(w)s compares %(a)s %(data)s on both sides, and %(b)s that differ stop the next one.",
    "A wave counts when %(signal)s stays below %(v1)s %(unit)s for %(took)s minutes on %(h)s.",
)

FORMS: Final = StoryForms(
    messages=(
        (_START,),
        (_PROGRESS, EVIDENCE),
        (_BLOCKED, NEXT),
        (_DONE, PEOPLE),
    ),
    issues=(
        IssueForm(
            "Epic",
            (
                "Move %(sys)s from %(option2)s to %(option)s",
                "%(option)s for all %(n)s %(data)s of %(sys)s",
            ),
            (_PLAN, _CHECK, SCALE, RULE),
            0,
            30,
        ),
        IssueForm(
            "Task",
            (
                "Wave for %(party)s in %(place)s: %(c)s %(data)s",
                "Move %(party)s of %(place2)s to %(option)s by %(f)s",
            ),
            (_PLAN, EVIDENCE, COST),
            1,
            14,
        ),
        IssueForm(
            "Bug",
            (
                "%(limit2)s %(data)s do not move: %(symptom)s",
                "%(symptom)s while %(sys)s moves to %(option)s",
            ),
            (_BLOCKED, EVIDENCE, NEXT),
            1,
            10,
        ),
        IssueForm(
            "Task",
            (
                "Switch %(option2)s of %(sys)s off on %(later)s",
                "Delete what %(option2)s still holds of %(sys)s, %(a)s %(data)s",
            ),
            (RULE, PEOPLE, NEXT),
            12,
            40,
        ),
    ),
    pages=(
        PageForm(
            "plan",
            (
                "Plan: %(sys)s from %(option2)s to %(option)s (%(key0)s)",
                "%(sys)s moves to %(option)s by %(later)s",
            ),
            (
                ("Plan", (_PLAN, _CHECK)),
                ("Size", (SCALE, EVIDENCE)),
                ("Rules", (RULE,)),
                ("Who", (PEOPLE,)),
            ),
        ),
        PageForm(
            "runbook",
            (
                "One wave of %(key0)s, step by step",
                "How to move %(data)s to %(option)s (%(sys)s)",
            ),
            (
                ("Before", (_CHECK, RULE)),
                ("During", (_PROGRESS, EVIDENCE)),
                ("When it stops", (_BLOCKED, NEXT)),
            ),
        ),
        PageForm(
            "notes",
            (
                "%(weekday)s %(date)s: first wave of %(key0)s in %(place)s",
                "Waves of %(sys)s, notes of %(date)s",
            ),
            (
                ("", (PEOPLE, _PROGRESS)),
                ("In the way", (_BLOCKED, EVIDENCE)),
                ("Next", (NEXT, COST)),
            ),
        ),
        PageForm(
            "report",
            (
                "%(sys)s on %(option)s: what the move of %(n)s %(data)s brought",
                "Report on %(key0)s: %(option)s in %(sys)s",
            ),
            (
                ("", (_REPORTED, SCALE)),
                ("Cost", (COST, EVIDENCE)),
                ("What is left", (RULE, NEXT)),
            ),
        ),
    ),
)
