"""Sentences that notes and reports are made of; the slots are those of a runbook, and numbers."""

from __future__ import annotations

OPENINGS = (
    "The week went as planned, apart from two interruptions.",
    "A short week because of the holiday; most of it went into reviews.",
    "Most of the week went into the initiative, the rest into support.",
    "Two colleagues were at a training, so less was started than usual.",
    "A calm week, used for work that had been waiting for a while.",
    "The first half went into an unplanned question from another team.",
)


TRENDS = (
    "better by {n} % than the time before",
    "within the objective all the time",
    "outside the objective on {d} days",
    "changed by less than {d} %, which is noise",
    "worse by {n} % after a release, recovered on the same day",
    "steady, with one peak of {m} minutes",
)


NEXT = (
    "Finish what is in review before anything new is started.",
    "Try the procedure for a fail-over with the two newest colleagues.",
    "Agree with the people of {peer} who owns the interface.",
    "Bring the open actions from incident reviews below five.",
    "Write down what was learnt about {data}.",
    "Move the alert on {signal} from the old to the new dashboard.",
)


REMARKS = (
    "Costs per thousand {data} fell by {n} %, mostly because of smaller instances at night.",
    "{n} changes went to production, {d} of them were rolled back.",
    "The oldest open issue is {m} days old and waits for {peer}.",
    "Colleagues from {peer} joined the rota for two weeks, and both sides want to repeat it.",
    "The restore exercise took {m} minutes; the goal is an hour.",
    "{n} of {m} pages about this service were read again and corrected.",
)
