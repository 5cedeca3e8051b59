"""Repositories: that of each system, and those that were begun for a story."""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.content.generation.phrases.common import COST, EVIDENCE, NEXT, PEOPLE, RULE, SCALE
from domain.content.generation.phrases.forms import Family  # noqa: TC001 - a field's type

_OWNED: Final = (
    "%(team)s runs it; ask in #%(channel)s, or %(lead)s, extension %(c)s.",
    "It belongs to %(team)s (#%(channel)s); %(lead)s and %(w)s review, %(b)s reviews a week.",
    "%(lead)s keeps it for %(team)s, with %(w)s as deputy until %(f)s; the channel is #%(channel)s.",
)
_RUNS: Final = (
    "`make check` runs %(c)s tests in %(b)s seconds; %(r)s is the last commit that passed on %(h)s.",
    "Version %(ver)s needs port 1%(c)s, %(b)s connections and the %(comp)s of %(psys)s.",
    "Start it with `make run` beside %(psys)s; it loads %(a)s %(data)s in %(b)s seconds.",
)
_LAST: Final = (
    "Last changed by %(w)s for [%(key0)s](%(issue0)s), in commit %(r)s: %(symptom)s, mended by %(fix)s.",
    "The %(b)s changes since %(e)s are for [%(key0)s](%(issue0)s), written up [here](%(link0)s).",
    "%(w)s keeps [the page of %(date)s](%(link0)s) for %(key0)s, and [%(key1)s](%(issue1)s) for the %(b)s cases that are left.",
)


class RepositoryForm(NamedTuple):
    """Form of a repository: what its name ends with, its description, and the sentences of its readme."""

    ending: str
    description: Family
    readme: tuple[Family, ...]


SYSTEM_FORM: Final = RepositoryForm(
    "",
    (
        "%(sys)s %(purpose)s: %(a)s %(data)s a day, %(signal)s near %(v0)s %(unit)s.",
        "Service of %(team)s that %(purpose)s, version %(ver)s, in %(place)s and %(place2)s.",
    ),
    (_OWNED, SCALE, _RUNS, _LAST, RULE),
)
STORY_REPOSITORIES: Final = (
    RepositoryForm(
        "tests",
        (
            "Tests of %(sys)s %(ver)s against %(symptom)s, with %(a)s %(data)s of %(place)s.",
            "%(c)s cases with %(data)s of %(party)s, from %(key0)s.",
        ),
        (_OWNED, EVIDENCE, _RUNS, _LAST),
    ),
    RepositoryForm(
        "tools",
        (
            "Tools for the %(comp)s of %(sys)s: counts, compares and repairs %(data)s, %(c)s a second.",
            "Command line for %(data)s of %(sys)s, begun for %(key0)s in %(place)s.",
        ),
        (_OWNED, _LAST, COST, RULE),
    ),
    RepositoryForm(
        "board",
        (
            "Panels on %(signal)s of %(sys)s by place, %(b)s of them, alert at %(v1)s %(unit)s.",
            "What %(team)s watches after %(key0)s: %(signal)s for %(party)s, every %(b)s seconds.",
        ),
        (_OWNED, SCALE, EVIDENCE, _LAST),
    ),
    RepositoryForm(
        "client",
        (
            "Client of %(sys)s for %(psys)s, with the %(comp)s built in; %(b)s calls, version %(ver)s.",
            "What %(pteam)s calls %(sys)s with: %(c)s %(pdata)s an hour, retries included.",
        ),
        (_OWNED, _RUNS, _LAST, NEXT, PEOPLE),
    ),
)
QUIET_SYSTEM_FORM: Final = SYSTEM_FORM._replace(readme=(_OWNED, SCALE, _RUNS, RULE, EVIDENCE))
"""For a system of which no story tells lately."""
