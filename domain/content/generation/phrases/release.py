"""Releases: an announcement, the first figures, a question about it, and its answer."""

from __future__ import annotations

from typing import Final

from domain.content.generation.phrases.common import COST, EVIDENCE, NEXT, PEOPLE, RULE, SCALE
from domain.content.generation.phrases.forms import IssueForm, PageForm, StoryForms

_OUT: Final = (
    "%(sys)s %(ver)s goes out at %(t0)s, to %(place)s first: it brings %(goal)s for %(party)s.",
    "Release %(ver)s of %(sys)s is on its way since %(t0)s, with %(goal)s for %(n)s %(party)s.",
    "From %(t0)s on %(party)s in %(place)s get %(sys)s %(ver)s and with it %(goal)s.",
)
_CARRIES: Final = (
    "It carries %(b)s changes since %(ver0)s, the largest in the %(comp)s (commit %(commit)s): %(issue0)s",
    "Notes are at %(link0)s, the %(b)s changes since %(ver0)s in %(key0)s.",
    "%(second)s watches %(signal)s, %(guest)s the %(pdata)s of %(psys)s; the list of %(b)s changes is %(link0)s",
)
_CANARY: Final = (
    "%(ver)s after %(b)s minutes on %(h)s: %(a)s %(data)s, %(b)s of them refused, %(signal)s at %(v0)s %(unit)s.",
    "First %(a)s %(data)s through %(ver)s by %(t1)s, %(signal)s at %(v0)s %(unit)s, %(b)s errors on %(h)s.",
    "%(place)s is on %(ver)s since %(t1)s; %(c)s %(pdata)s of %(psys)s look as on %(ver0)s.",
)
_ASKS: Final = (
    "Does %(ver)s of %(sys)s still make sure that %(rule)s? I was not sure about %(b)s %(data)s of %(e)s.",
    "What happens in %(ver)s when the %(comp)s has more than %(c)s entries, as %(place2)s had on %(e)s?",
    "May %(party)s in %(place2)s switch %(goal)s off until %(f)s? Ticket %(x)s asks for it.",
)
_ANSWERS: Final = (
    "Yes: test %(r)s covers it in %(ver)s, and the limit is %(limit)s %(unit)s, see %(link1)s",
    "It does: the %(comp)s of %(ver)s stops at %(limit)s, and %(key2)s raises that by %(f)s.",
    "Yes, by the switch that %(key1)s adds; %(b)s of %(c)s %(party)s use it, and %(link1)s says how.",
)
_WHY: Final = (
    "Since %(e)s %(n)s %(party)s asked for %(goal)s, most of them in %(place)s.",
    "%(party)s in %(place)s wrote %(c)s times since %(e)s that they need %(goal)s; %(ver)s brings them.",
    "Without %(goal)s, %(party)s had to wait %(took)s minutes for %(b)s of their %(data)s.",
)
_WHAT: Final = (
    "%(ver)s replaces the %(comp)s: %(second)s moved %(c)s lines from %(psys)s, and %(data)s pass it %(p)s percent faster.",
    "New in %(ver)s is that the %(comp)s holds %(limit)s %(data)s at a time, where %(ver0)s held %(b)s.",
    "%(sys)s %(ver)s reads %(pdata)s of %(psys)s itself since commit %(commit)s, %(a)s an hour in %(place)s.",
)
_BACK: Final = (
    "The way back to %(ver0)s takes %(took)s minutes and loses nothing, as %(w)s tried on %(e)s with %(a)s %(data)s.",
    "If %(signal)s passes %(v1)s %(unit)s, %(second)s goes back to %(ver0)s within %(b)s minutes, and %(c)s %(data)s run again.",
)

FORMS: Final = StoryForms(
    messages=(
        (_OUT, _CARRIES),
        (_CANARY, EVIDENCE),
        (_ASKS,),
        (_ANSWERS, NEXT),
    ),
    issues=(
        IssueForm(
            "Story",
            (
                "%(goal)s for %(party)s in %(place)s (%(sys)s %(ver)s)",
                "%(sys)s %(ver)s: %(goal)s through the %(comp)s",
                "Bring %(party)s %(goal)s with %(sys)s %(ver)s",
            ),
            (_WHY, _WHAT, SCALE, NEXT),
            0,
            3,
        ),
        IssueForm(
            "Task",
            (
                "Switch for %(goal)s, asked for by %(party)s in %(place2)s",
                "Let %(party)s choose when %(ver)s of %(sys)s applies to them",
            ),
            (_WHY, COST, PEOPLE),
            3,
            20,
        ),
        IssueForm(
            "Task",
            (
                "Raise the limit of the %(comp)s above %(limit)s",
                "%(comp)s of %(sys)s: more than %(limit)s %(data)s at a time",
            ),
            (_WHAT, EVIDENCE, RULE),
            5,
            30,
        ),
        IssueForm(
            "Bug",
            (
                "%(symptom)s on %(h)s since %(sys)s %(ver)s",
                "%(sys)s %(ver)s counts %(b)s %(data)s of %(place2)s twice",
            ),
            (EVIDENCE, _BACK, NEXT),
            1,
            12,
        ),
    ),
    pages=(
        PageForm(
            "release",
            (
                "%(sys)s %(ver)s: %(goal)s for %(party)s",
                "Release notes: %(sys)s %(ver)s of %(date)s",
            ),
            (
                ("", (_OUT, _WHY)),
                ("What is new", (_WHAT, SCALE)),
                ("If it goes wrong", (_BACK, RULE)),
                ("Who", (PEOPLE,)),
            ),
        ),
        PageForm(
            "guide",
            (
                "How to use %(goal)s (%(sys)s %(ver)s)",
                "%(goal)s in %(sys)s: settings and limits since %(ver)s",
            ),
            (
                (
                    "Settings",
                    (
                        (
                            "The %(comp)s holds %(limit)s %(data)s; %(party)s in %(place)s may ask for %(limit2)s with ticket %(x)s.",
                            "Set the %(comp)s to %(limit)s for %(party)s, and to %(limit2)s where %(signal)s stays under %(v0)s %(unit)s.",
                        ),
                        (
                            "The switch of %(key1)s turns %(goal)s off; %(b)s of %(c)s %(party)s use it.",
                            "Beyond %(limit)s the %(comp)s refuses %(data)s, %(b)s on %(e)s; %(key2)s raises that by %(f)s.",
                        ),
                    ),
                ),
                ("Limits", (RULE, EVIDENCE)),
                ("Questions", (NEXT,)),
            ),
        ),
        PageForm(
            "checklist",
            (
                "Checklist for %(sys)s %(ver)s, %(date)s",
                "%(sys)s %(ver)s in %(place)s: steps and times",
            ),
            (
                ("Before", (_BACK, EVIDENCE)),
                ("During", (_CANARY, COST)),
                ("After", (SCALE, NEXT)),
            ),
        ),
        PageForm(
            "report",
            (
                "What %(goal)s changed for %(party)s since %(sys)s %(ver)s",
                "%(sys)s %(ver)s in %(place)s: figures after the release",
            ),
            (
                ("", (_WHY, _CANARY)),
                ("Figures", (SCALE, EVIDENCE)),
                ("What is left", (COST, NEXT)),
            ),
        ),
    ),
)
