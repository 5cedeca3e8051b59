"""Decisions: a proposal, an objection with figures, the decision, and the newer one that changes its limit."""

from __future__ import annotations

from typing import Final

from domain.content.generation.phrases.common import COST, EVIDENCE, NEXT, PEOPLE, RULE, SCALE
from domain.content.generation.phrases.forms import IssueForm, PageForm, StoryForms

_PROPOSAL: Final = (
    "I propose %(option)s for the %(data)s of %(sys)s instead of %(option2)s, because of %(symptom)s in %(place)s: %(issue0)s",
    "%(option)s or %(option2)s for %(sys)s? %(n)s %(data)s of %(party)s a week speak for the first, see %(issue0)s",
    "Before %(f)s we decide between %(option)s and %(option2)s for the %(comp)s of %(sys)s: %(issue0)s",
)
_OBJECTION: Final = (
    "With %(option)s the %(comp)s on %(h)s needs %(c)s more connections; %(psys)s had only %(b)s free on %(e)s.",
    "%(pteam)s tried %(option)s on %(e)s: %(signal)s rose to %(v1)s %(unit)s with %(a)s %(data)s.",
    "Who looks after %(option)s at night, when %(option2)s has %(b)s pages of notes and %(c)s tests?",
)
_FIGURES: Final = (
    "Measured on %(h)s with %(a)s %(data)s: %(option)s %(v0)s %(unit)s, %(option2)s %(v1)s %(unit)s.",
    "%(w)s ran both for %(b)s hours: %(v0)s against %(v1)s %(unit)s, and %(option)s costs %(c)s less a month.",
    "At %(c)s %(data)s a second %(option)s stays at %(v0)s %(unit)s, %(option2)s reaches %(v1)s by %(q)s.",
)
_DECIDED: Final = (
    "Decided: %(option)s for %(sys)s, with a limit of %(limit)s %(unit)s in the %(comp)s, see %(link0)s",
    "%(lead)s and %(guest)s agree on %(option)s; the %(comp)s keeps %(data)s for %(limit)s days, as %(link0)s says.",
    "It is %(option)s, from %(later)s on, and %(limit)s %(unit)s are the limit: %(link0)s",
)
_CONTEXT: Final = (
    "%(sys)s %(purpose)s, and %(symptom)s cost %(party)s in %(place)s %(took)s minutes on %(e)s.",
    "%(team)s had %(b)s cases of %(symptom)s since %(e)s, all of them with %(option2)s.",
    "%(n)s %(data)s a week pass the %(comp)s of %(sys)s, %(p)s percent more than on %(e)s.",
)
_CHOICE: Final = (
    "We chose %(option)s for %(sys)s, because %(signal)s stays at %(v0)s %(unit)s with it and reaches %(v1)s with %(option2)s.",
    "%(sys)s will use %(option)s from %(later)s on; %(option2)s was measured by %(w)s and is %(p)s percent slower.",
)
_LIMIT: Final = (
    "The %(comp)s of %(sys)s keeps %(data)s for %(limit)s days; %(lead)s set that on %(date)s.",
    "Its limit is %(limit)s days for %(data)s in the %(comp)s of %(sys)s, as agreed on %(date)s with %(guest)s.",
)
_NEWER: Final = (
    "The %(comp)s of %(sys)s now keeps %(data)s for %(limit2)s days; this replaces the %(limit)s days that %(link0)s names.",
    "%(limit2)s days, no longer %(limit)s, is how long the %(comp)s of %(sys)s keeps %(data)s: the earlier page %(link0)s is out of date.",
)

FORMS: Final = StoryForms(
    messages=(
        (_PROPOSAL,),
        (_OBJECTION, EVIDENCE),
        (_FIGURES, RULE),
        (_DECIDED, NEXT),
    ),
    issues=(
        IssueForm(
            "Story",
            (
                "Decide between %(option)s and %(option2)s for %(sys)s",
                "%(sys)s: %(option)s instead of %(option2)s for %(data)s",
            ),
            (_CONTEXT, _FIGURES, RULE),
            0,
            8,
        ),
        IssueForm(
            "Task",
            (
                "Try %(option)s with %(a)s %(data)s in %(place2)s",
                "Build %(option)s for the %(comp)s of %(sys)s",
            ),
            (_CHOICE, EVIDENCE, COST),
            6,
            34,
        ),
        IssueForm(
            "Task",
            (
                "Remove %(option2)s from %(slug)s by %(f)s",
                "%(psys)s reads %(data)s through %(option)s",
            ),
            (_CHOICE, SCALE, NEXT),
            10,
            45,
        ),
        IssueForm(
            "Task",
            (
                "%(comp)s of %(sys)s: %(limit2)s days instead of %(limit)s",
                "Keep %(data)s of %(sys)s for %(limit2)s days",
            ),
            (_NEWER, RULE, PEOPLE),
            9,
            21,
        ),
    ),
    pages=(
        PageForm(
            "decision",
            (
                "Decision of %(date)s: %(option)s for %(sys)s",
                "%(sys)s: why %(option)s and not %(option2)s (%(key0)s)",
            ),
            (
                ("Context", (_CONTEXT, SCALE)),
                ("Decision", (_CHOICE, _LIMIT)),
                ("Figures", (_FIGURES, EVIDENCE)),
                ("Consequences", (RULE, NEXT)),
            ),
        ),
        PageForm(
            "decision",
            (
                "Newer than %(key0)s: %(comp)s of %(sys)s at %(limit2)s days",
                "%(sys)s keeps %(data)s for %(limit2)s days (replaces %(key0)s)",
            ),
            (
                ("What changes", (_NEWER,)),
                ("Why", (SCALE, _OBJECTION)),
                ("Who", (PEOPLE, RULE)),
            ),
        ),
        PageForm(
            "notes",
            (
                "Design review of %(date)s: %(option)s for %(sys)s",
                "%(team)s and %(pteam)s on %(option)s, %(date)s",
            ),
            (
                ("", (PEOPLE, _OBJECTION)),
                ("Measured", (_FIGURES, EVIDENCE)),
                ("Agreed", (_CHOICE, NEXT)),
            ),
        ),
        PageForm(
            "report",
            (
                "%(option)s in %(sys)s after %(b)s weeks (%(key1)s)",
                "What %(option)s costs %(team)s (%(key0)s)",
            ),
            (
                ("", (_CONTEXT, COST)),
                ("Figures", (SCALE, EVIDENCE)),
                ("Next", (NEXT,)),
            ),
        ),
    ),
)
