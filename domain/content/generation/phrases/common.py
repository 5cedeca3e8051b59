"""Sentences that any kind of story may have: what was measured, who does what next, and what it cost."""

from __future__ import annotations

from typing import Final

EVIDENCE: Final = (
    "At %(q)s host %(h)s counted %(a)s %(data)s, %(p)s percent of them for %(party)s in %(place)s.",
    "Trace %(r)s has %(c)s spans; %(b)s of them wait for the %(comp)s on %(h)s.",
    "Of %(a)s sampled %(data)s on %(e)s, %(b)s from %(place2)s passed the %(comp)s twice.",
    "%(w)s compared %(a)s %(data)s of %(e)s with %(c)s %(pdata)s of %(psys)s and found %(b)s that differ.",
    "The panel %(r)s shows %(signal)s at %(b)s %(unit)s on %(h)s and %(c)s on the host beside it, at %(q)s.",
    "Build %(a)s of %(slug)s, commit %(r)s, ran %(c)s checks in %(b)s seconds on %(e)s.",
)
SCALE: Final = (
    "On a usual %(weekday)s %(sys)s handles %(a)s %(data)s before %(q)s, %(p)s percent for %(party)s.",
    "%(place)s alone sent %(a)s %(data)s between %(e)s and %(date)s, %(c)s an hour at the peak.",
    "Since %(e)s the number of %(party)s rose by %(p)s percent, to %(a)s, a third of them in %(place2)s.",
    "%(c)s %(party)s in %(place)s and %(b)s in %(place2)s depend on it, with %(a)s %(data)s a week.",
    "The busiest quarter of an hour was %(q)s on %(e)s: %(a)s %(data)s and %(c)s %(pdata)s at once.",
)
NEXT: Final = (
    "%(w)s measures %(signal)s again on %(f)s; below %(b)s %(unit)s %(key1)s is closed.",
    "Next is %(key2)s: %(w)s looks at the %(comp2)s of %(psys)s by %(f)s, %(b)s hours are planned.",
    "By %(f)s %(w)s tries it with %(a)s %(data)s in %(place2)s, before %(pteam)s follows %(b)s days later.",
    "%(guest)s of %(pteam)s answers for %(c)s %(pdata)s until %(f)s, then %(w)s takes over at %(q)s.",
    "Ticket %(x)s of %(party)s stays open until %(f)s, when %(w)s rings %(place)s at %(q)s.",
)
COST: Final = (
    "It took %(b)s hours of %(team)s, most of them by %(w)s in the %(comp2)s, and %(c)s lines in commit %(r)s.",
    "%(w)s wrote %(c)s lines for it, and %(guest)s has %(b)s minutes on %(f)s to review them.",
    "The bill for %(place2)s rises by %(b)s a month, that of %(h)s falls by %(c)s.",
    "%(b)s of %(c)s tests changed, and the build of %(slug)s takes %(b)s minutes more, as %(w)s measured at %(q)s.",
)
RULE: Final = (
    "The rule stands that %(rule)s; %(w)s checked %(a)s samples of %(place2)s on %(e)s, %(b)s by hand.",
    "Because %(rule)s, %(c)s %(data)s of %(party)s were set aside at %(q)s until %(second)s released them.",
    "An auditor asked on %(e)s how we know that %(rule)s: by test %(r)s, which has run %(a)s times.",
    "For %(party)s in %(place)s it matters most that %(rule)s, as %(w)s wrote to ticket %(x)s on %(e)s.",
)
PEOPLE: Final = (
    "%(lead)s and %(w)s are asked about the %(comp)s, extension %(c)s, from %(q)s on.",
    "Invited for %(f)s at %(q)s are %(lead)s, %(w)s, %(guest)s from %(pteam)s, and %(b)s listeners.",
    "%(second)s keeps the notes, %(w)s the figures, and %(guest)s told %(c)s %(party)s at %(q)s.",
    "%(w)s of %(team)s has %(b)s percent of the week for the %(comp2)s until %(f)s.",
)
_LINE: Final = "%(z)s %(d)s"
LOG: Final = "\\n".join(["Trace, %(data)s and milliseconds on %(h)s, %(e)s %(q)s:", *(4 * [_LINE])])
"""The lines of a log, as they stand in JSON."""
LOGGED: Final = (
    "Log of %(h)s: `%(q)s %(z)s %(d)s`",
    "See `%(z)s` on %(h)s, %(q)s, %(a)s in %(c)s ms.",
)
TRACED: Final = ("(trace `%(z)s`, %(a)s)", "(run `%(z)s`, build %(a)s)")
