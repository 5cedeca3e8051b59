"""Incidents: an alert, the search for its cause, the fix, and what is learnt."""

from __future__ import annotations

from typing import Final

from domain.content.generation.phrases.common import COST, EVIDENCE, NEXT, PEOPLE, RULE, SCALE
from domain.content.generation.phrases.forms import IssueForm, PageForm, StoryForms

_SEEN: Final = (
    "Since %(t0)s %(sys)s shows %(symptom)s: %(signal)s went from %(v0)s to %(v1)s %(unit)s, and %(n)s %(data)s of %(party)s in %(place)s are affected.",
    "%(n)s %(data)s of %(party)s in %(place)s are affected by %(symptom)s; %(signal)s of %(sys)s is %(v1)s %(unit)s since %(t0)s and was %(v0)s before.",
    "%(party)s in %(place)s report %(symptom)s since %(t0)s, %(n)s %(data)s so far, and %(sys)s has %(signal)s at %(v1)s instead of %(v0)s %(unit)s.",
)
_LEADS: Final = (
    "I take the lead, %(second)s looks at the %(comp)s, and %(guest)s watches %(psys)s: %(issue0)s",
    "%(key0)s is open (%(issue0)s); %(second)s checks the %(comp)s on %(h)s, %(guest)s asks %(pteam)s.",
    "Lead is %(lead)s for %(key0)s, next word at %(t1)s, details in %(issue0)s",
)
_SEARCH: Final = (
    "The %(comp)s on %(h)s logs %(c)s errors a minute since commit %(r)s, and only %(b)s before %(t0)s.",
    "Not the release: %(ver)s runs on %(b)s hosts since %(e)s, and only %(h)s has %(c)s time-outs.",
    "I see %(a)s %(data)s in the %(comp)s, the oldest from %(q)s, and %(c)s %(pdata)s waiting at %(psys)s.",
    "Restarting %(h)s helped for %(b)s minutes, then the %(comp)s was at %(c)s again.",
)
_FOUND: Final = (
    "The cause of %(key0)s is %(cause)s.",
    "Found the cause of %(key0)s at %(t1)s: %(cause)s, and it shows in trace %(commit)s.",
    "The cause of %(key0)s is %(cause)s; %(second)s reproduced %(symptom)s with %(b)s %(data)s on %(h)s.",
)
_FIXING: Final = (
    "We are %(fix)s, first in %(place2)s, with %(c)s %(data)s held back.",
    "%(second)s is %(fix)s; %(b)s of %(c)s hosts are through.",
    "Plan for the next %(b)s minutes: %(fix)s, then %(a)s %(data)s run again.",
)
_OVER: Final = (
    "%(key0)s is over at %(t2)s, after %(took)s minutes: %(signal)s is back at %(v0)s %(unit)s and all %(n)s %(data)s went through.",
    "Closed %(key0)s, %(took)s minutes from alert to calm; %(n)s %(data)s of %(party)s were run again by %(t2)s.",
    "%(signal)s of %(sys)s is at %(v0)s %(unit)s since %(t2)s, so %(key0)s is closed after %(took)s minutes.",
)
_REVIEW: Final = (
    "The review is written by %(lead)s: %(link0)s",
    "What we change is in %(key1)s, %(key2)s and %(key3)s; the review is at %(link0)s",
    "Thanks %(guest)s and %(w)s; read %(link0)s and add what you saw before %(f)s.",
)
_CAUSE: Final = (
    "The cause was %(cause)s: the %(comp)s of %(sys)s had %(a)s entries when %(ver)s met it at %(t0)s.",
    "Behind %(symptom)s was %(cause)s, present since %(e)s and harmless until %(a)s %(data)s came within %(b)s minutes.",
    "%(second)s traced it to %(cause)s; commit %(commit)s of %(ver)s had only made it visible, on %(c)s requests.",
)
_MENDED: Final = (
    "What helped was %(fix)s, first on %(h)s at %(t1)s and on the other %(b)s hosts by %(t2)s.",
    "It ended by %(fix)s; %(n)s %(data)s were run again in %(b)s batches, the last at %(t2)s.",
    "%(lead)s chose %(fix)s over a return to %(ver0)s, which would have cost %(party)s another %(b)s minutes.",
)
_LEARNT: Final = (
    "We learnt that an alert at %(b)s %(unit)s would have been raised %(took)s minutes before %(party)s rang.",
    "The lesson of %(key0)s: the %(comp)s needs a limit, and %(c)s is what %(place)s can bear.",
    "Nobody had known that %(psys)s asks the %(comp)s %(a)s times an hour; its page says so since %(date)s.",
)
_SUMMARY: Final = (
    "%(symptom)s in %(sys)s: %(n)s %(data)s of %(party)s in %(place)s",
    "%(sys)s: %(symptom)s for %(party)s, %(signal)s at %(v1)s %(unit)s",
    "%(party)s in %(place)s see %(symptom)s since %(t0)s (%(sys)s)",
)

FORMS: Final = StoryForms(
    messages=(
        (_SEEN, _LEADS),
        (_SEARCH, EVIDENCE),
        (_FOUND, _FIXING),
        (_OVER, _REVIEW),
    ),
    issues=(
        IssueForm("Incident", _SUMMARY, (_SEEN, EVIDENCE, _CAUSE, _MENDED), 0, 1),
        IssueForm(
            "Task",
            (
                "Prevent %(symptom)s in %(sys)s by %(fix)s",
                "%(sys)s: keep %(cause)s from causing %(symptom)s again",
                "After %(key0)s: %(fix)s in the %(comp)s",
            ),
            (_CAUSE, EVIDENCE, RULE, NEXT),
            2,
            16,
        ),
        IssueForm(
            "Task",
            (
                "Alert when %(signal)s of %(sys)s passes %(b)s %(unit)s",
                "Give the %(comp)s of %(sys)s a limit of %(c)s",
                "Show %(signal)s of %(sys)s by place, %(place)s first",
            ),
            (_LEARNT, SCALE, COST, NEXT),
            4,
            28,
        ),
        IssueForm(
            "Task",
            (
                "Tell %(party)s in %(place)s what happened to %(n)s %(data)s",
                "Answer ticket %(x)s of %(party)s about %(symptom)s",
                "Pay %(party)s in %(place)s back for %(took)s minutes of %(symptom)s",
            ),
            (_SEEN, RULE, PEOPLE),
            1,
            9,
        ),
    ),
    pages=(
        PageForm(
            "review",
            (
                "Review of %(key0)s: %(symptom)s in %(sys)s, %(date)s",
                "%(key0)s, %(date)s: %(symptom)s at %(party)s in %(place)s",
            ),
            (
                ("", (_SEEN,)),
                ("Cause", (_CAUSE, EVIDENCE)),
                ("What helped", (_MENDED, COST)),
                ("What we change", (_LEARNT, NEXT)),
            ),
        ),
        PageForm(
            "runbook",
            (
                "Runbook %(page1)s: %(symptom)s in %(sys)s",
                "What to do about %(symptom)s in %(sys)s (from %(key0)s)",
            ),
            (
                (
                    "When",
                    (
                        (
                            "Use this when %(signal)s of %(sys)s stays above %(b)s %(unit)s for %(limit)s minutes, as on %(date)s in %(place)s.",
                            "It applies to %(symptom)s with more than %(c)s %(data)s waiting, like %(key0)s on %(date)s.",
                        ),
                    ),
                ),
                (
                    "Steps",
                    (
                        (
                            "First look at the %(comp)s on %(h)s: more than %(c)s entries older than %(b)s minutes mean %(cause)s.",
                            "Compare %(a)s %(data)s with %(pdata)s of %(psys)s; %(b)s that differ point to %(cause)s.",
                        ),
                        (
                            "Then begin with %(fix)s in %(place2)s, %(b)s %(data)s at a time, and wait until %(signal)s falls below %(v0)s %(unit)s.",
                            "Go on with %(fix)s; it took %(took)s minutes on %(date)s and %(b)s in the rehearsal of %(e)s.",
                        ),
                        RULE,
                    ),
                ),
                ("Afterwards", (PEOPLE, NEXT)),
            ),
        ),
        PageForm(
            "notes",
            (
                "Notes on %(key0)s, %(weekday)s %(date)s",
                "%(team)s on %(date)s: %(symptom)s and %(comp)s",
            ),
            (
                ("", (PEOPLE, _FOUND)),
                ("Figures", (EVIDENCE, SCALE)),
                ("To do", (NEXT, COST)),
            ),
        ),
        PageForm(
            "report",
            (
                "%(signal)s of %(sys)s after %(key0)s",
                "How %(fix)s worked in %(place)s (%(key0)s)",
            ),
            (
                (
                    "",
                    (
                        (
                            "Since %(fix)s on %(date)s, %(signal)s of %(sys)s was %(b)s %(unit)s at the most, where %(key0)s had %(v1)s.",
                            "%(c)s days' worth of %(data)s passed the %(comp)s without %(symptom)s; %(signal)s stays near %(b)s %(unit)s.",
                        ),
                        SCALE,
                    ),
                ),
                ("What is left", (_LEARNT, RULE, NEXT)),
            ),
        ),
    ),
)
