"""Sentences that any kind of story may have: what was measured, who does what next, and what it cost."""

from __future__ import annotations

from typing import Final

EVIDENCE: Final = (
    "At %(q)s %(h)s counted %(a)s %(data)s, %(p)s percent of them for %(party)s in %(place)s.",
    "Trace %(r)s has %(c)s spans; %(b)s of them wait for the %(comp)s on %(h)s.",
    "Of %(a)s sampled %(data)s on %(e)s, %(b)s from %(place2)s passed the %(comp)s twice.",
    "%(w)s compared %(a)s %(data)s of %(e)s with %(c)s %(pdata)s of %(psys)s and found %(b)s that differ.",
    "The panel shows %(signal)s at %(b)s %(unit)s on %(h)s and %(c)s on the host beside it, at %(q)s.",
    "The build of commit %(r)s ran %(c)s checks in %(b)s seconds on %(e)s.",
)
SCALE: Final = (
    "On a usual %(weekday)s %(sys)s handles %(a)s %(data)s before noon, %(p)s percent for %(party)s.",
    "%(place)s alone sent %(a)s %(data)s between %(e)s and %(date)s, %(c)s an hour at the peak.",
    "Since %(e)s the number of %(party)s rose by %(p)s percent, to %(a)s, a third of them in %(place2)s.",
    "%(c)s %(party)s in %(place)s and %(b)s in %(place2)s depend on it, with %(a)s %(data)s a week.",
    "The busiest quarter of an hour was on %(e)s at %(q)s, with %(a)s %(data)s and %(c)s %(pdata)s at once.",
)
NEXT: Final = (
    "%(w)s measures %(signal)s again on %(f)s; below %(b)s %(unit)s %(key1)s is closed.",
    "Next is %(key2)s: %(w)s looks at the %(comp2)s of %(psys)s by %(f)s, which takes about %(b)s hours.",
    "%(w)s tries it with %(a)s %(data)s in %(place2)s by %(f)s, and %(pteam)s follows %(b)s days later.",
    "%(guest)s of %(pteam)s answers for %(c)s %(pdata)s until %(f)s, then %(w)s takes over.",
    "Ticket %(x)s stays open until %(f)s, when %(w)s calls the %(c)s %(party)s back.",
)
COST: Final = (
    "It took %(team)s %(b)s hours, most of them spent by %(w)s on the %(comp2)s, and %(c)s lines in commit %(r)s.",
    "%(w)s wrote %(c)s lines for it, and %(guest)s reviews them on %(f)s.",
    "The bill for %(place2)s rises by %(b)s a month, that of %(h)s falls by %(c)s.",
    "%(b)s of %(c)s tests changed, and the build takes %(b)s minutes more, as %(w)s measured on %(e)s.",
)
RULE: Final = (
    "The rule stands that %(rule)s; %(w)s checked %(a)s samples from %(place2)s on %(e)s, %(b)s by hand.",
    "Because %(rule)s, %(c)s %(data)s of %(party)s were set aside at %(q)s until %(second)s released them.",
    "An auditor asked on %(e)s how we know that %(rule)s: test %(r)s has run %(a)s times.",
    "For %(party)s in %(place)s it matters most that %(rule)s, as %(w)s wrote in ticket %(x)s on %(e)s.",
)
PEOPLE: Final = (
    "%(lead)s (extension %(c)s) and %(w)s answer for the %(comp)s until %(f)s.",
    "%(lead)s, %(w)s and %(guest)s from %(pteam)s meet on %(f)s at %(t0)s, with %(b)s listeners.",
    "%(second)s keeps the notes, %(w)s the figures, and %(guest)s told %(c)s %(party)s on %(e)s.",
    "%(w)s of %(team)s has %(b)s percent of the week for the %(comp2)s until %(f)s.",
)

_TRACES: Final = "\\n".join(4 * ["- %(z)s: %(a)s, %(c)s ms"])
LOGS: Final = (
    f"Slowest traces on %(h)s, %(e)s:\\n{_TRACES}",
    f"Traces of %(e)s at %(q)s, by %(w)s:\\n{_TRACES}",
    f"%(w)s kept these traces of %(h)s:\\n{_TRACES}",
)
"""What was logged, as it stands in the JSON of incidents and bugs."""
FILES: Final = (
    "Attached, with SHA-224:\\n- %(slug)s-%(c)s.csv, %(a)s rows of %(e)s: %(z)s\\n- %(slug)s-%(c)s.json, %(b)s kB: %(z)s\\n- %(c)s.png, by %(w)s: %(z)s\\n- %(c)s.png: %(z)s",
    "Samples, with SHA-224:\\n- %(a)s %(data)s: %(z)s\\n- %(a)s of %(e)s: %(z)s\\n- %(c)s, by %(w)s: %(z)s\\n- %(c)s: %(z)s",
    "Runs of %(e)s:\\n- %(z)s: %(a)s in %(c)s ms\\n- %(z)s: %(a)s in %(c)s ms\\n- %(z)s: %(a)s in %(c)s ms\\n- %(z)s: stopped by %(w)s",
)
"""What is attached to other issues."""
ANNEXES: Final = (
    f"<h2>Slowest traces</h2><pre>%(h)s, %(e)s %(q)s\\n{_TRACES}</pre>",
    "<h2>Attachments</h2><pre>SHA-224 of each:\\n%(c)s.csv, %(a)s rows: %(z)s\\n%(c)s.csv, %(a)s rows: %(z)s\\n%(c)s.json, %(b)s kB: %(z)s\\n%(c)s.png, by %(w)s: %(z)s</pre>",
    "<h2>Runs of %(e)s</h2><pre>%(z)s %(a)s in %(c)s ms\\n%(z)s %(a)s in %(c)s ms\\n%(z)s %(a)s in %(c)s ms\\n%(z)s %(q)s, by %(w)s</pre>",
)
"""What stands at the end of pages."""
BELONGS: Final = (
    "<p>Issue <a href='%(issue0)s'>%(key0)s</a>, code <a href='%(repo)s'>%(slug)s</a>, page %(page)s.</p>",
    "<p>See <a href='%(issue0)s'>%(key0)s</a> and <a href='%(repo)s'>%(slug)s</a>; page %(page)s is kept by %(w)s.</p>",
    "<p>%(w)s keeps page %(page)s for <a href='%(issue0)s'>%(key0)s</a> and <a href='%(repo)s'>%(slug)s</a>.</p>",
)
RELEASES: Final = (
    "Images of %(ver)s:\\n- %(z)s %(a)s kB\\n- %(z)s %(a)s kB\\n- %(z)s %(a)s kB\\n- %(z)s %(a)s kB",
    "Builds:\\n- %(z)s %(q)s, %(a)s s\\n- %(z)s %(q)s, %(a)s s\\n- %(z)s, %(c)s failed\\n- %(z)s, %(c)s failed",
    "Packages, with SHA-224:\\n- %(a)s kB, by %(w)s: %(z)s\\n- %(a)s kB, by %(w)s: %(z)s\\n- %(a)s kB of %(e)s: %(z)s\\n- %(a)s kB of %(e)s: %(z)s",
)
"""What stands at the end of readmes."""
LOGGED: Final = (
    "`%(q)s %(h)s %(a)s in %(c)s ms, trace %(z)s`",
    "Trace %(z)s at %(q)s: %(a)s in %(c)s ms.",
    "From %(h)s: `%(q)s %(z)s %(a)s %(c)s ms`",
)
TRACED: Final = (
    "Screenshot of %(q)s, %(c)s kB, SHA-224 %(z)s.",
    "Snapshot %(z)s, %(a)s rows.",
    "(query %(z)s of %(q)s, %(a)s rows)",
)
