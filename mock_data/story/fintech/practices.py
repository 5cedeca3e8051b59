"""How the people of the payments company work."""

from __future__ import annotations

from mock_data.story.world import Practice

PRACTICES = (
    Practice(
        "How we measure developer productivity",
        (
            "We look at four numbers together: lead time for changes, deployment frequency, share of failed changes and time to restore. None of them is a target for a person, and none is shown per person.",
            "Twice a year a survey asks what gets in the way. In the last one, waiting for builds came first, unclear ownership second and access requests third; the initiatives of Developer Experience follow that order.",
            "A team may ask for a review of its numbers at any time. The review ends with one experiment, a date, and a sentence that says what would count as success.",
        ),
    ),
    Practice(
        "Closing the books at the end of a month",
        (
            "On the last working day the cut-off is at 18:00 local time. From then on postings carry the new period, even when the payment was started before.",
            "The Reconciliation Hub compares our books with the statements of partner banks. Breaks above 500 in any currency are looked at the same evening, smaller ones the next day.",
            "Finance signs off when the unmatched amount is explained, not when it is zero. The explanations are kept with the report for ten years.",
        ),
    ),
    Practice(
        "Change calendar around peak days",
        (
            "No releases of payment services take place from the 28th to the 2nd, nor in the week before the winter holidays. Fixes for incidents are exempt and need a second reviewer.",
            "Flags may still be turned off during a freeze; turning one on counts as a release. The deploy pipeline knows the calendar and asks for a reason.",
        ),
    ),
    Practice(
        "What a good pull request looks like here",
        (
            "It does one thing, its title says which, and a reader learns from the description why now. The median is 84 changed lines; above 400 the author explains why it could not be split.",
            "Reviewers answer within four working hours or pass the review on. Comments say whether they block: question, suggestion or must.",
            "The author merges, watches the canary and closes the loop in the team's channel.",
        ),
    ),
    Practice(
        "Working with partner banks",
        (
            "Each partner has a page with its cut-off times, holidays, message formats and contacts. The page has an owner, who checks it every quarter.",
            "Partners announce maintenance by mail, often on the evening before. The announcement goes into the shared calendar, and Settlement Engine reads its pauses from there.",
            "When a partner is late we tell customers after thirty minutes, in plain words, and without naming the partner.",
        ),
    ),
    Practice(
        "On-call at a payments company",
        (
            "A rota has at least five people, a shift lasts a week, and the handover takes place on Tuesday at 10:00. Nights that were disturbed are given back as free time in the same week.",
            "Whoever is paged may declare an incident without asking. Declaring one too many has never been criticised; waiting has cost us an hour more than once.",
            "A lead is named within five minutes. The lead coordinates and does not repair; the communication to support and partners is a second role.",
        ),
    ),
    Practice(
        "Test data that is safe to use",
        (
            "Test customers come from the Test Data Factory. Their names are invented, their documents are drawn and their account numbers fail the check of every real bank.",
            "Copies of production data do not exist in staging. A fault that only shows up with real data is reproduced by describing the data's shape to the factory.",
        ),
    ),
    Practice(
        "Service objectives in plain words",
        (
            "An objective says what a customer may expect: a card payment is answered in 120 milliseconds in 99 of 100 cases. It is written by the team together with support.",
            "The error budget is what may go wrong before we change plans. When less than a quarter is left, reliability work goes first, and the product side knows this in advance.",
        ),
    ),
    Practice(
        "Design reviews in forty minutes",
        (
            "The author sends two pages the day before: the problem, two options, the preferred one, and what would make us regret it. Nobody presents slides.",
            "The first ten minutes are for reading. Then questions, then doubts, then a decision by the owner of the service. Dissent is written down with a name.",
            "The result becomes a decision record within two days, or the review did not happen.",
        ),
    ),
    Practice(
        "Answering a supervisor's question",
        (
            "Questions arrive at Compliance and are turned into one issue each, with the wording of the supervisor. The answer names the report, the definition of each number and the day of extraction.",
            "Data and Reporting extracts the numbers twice, by two people. A difference is explained before anything is sent.",
        ),
    ),
)
