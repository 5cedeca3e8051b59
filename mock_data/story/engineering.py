"""What any engineering organisation writes down: procedures, decisions, questions, defects."""

from __future__ import annotations

from mock_data.story.world import Decision, Defect, Runbook, Talk

RUNBOOKS = (
    Runbook(
        "backlog",
        "Working off a backlog",
        "This applies when {signal} stays above its alert threshold for ten minutes and {data} arrive faster than they leave.",
        (
            "The on-call engineer compares the inflow of {data} with last week's curve, to tell a burst from a blockage.",
            "For a burst, consumers are scaled from four to twelve; the limit is the connection pool, not the processor.",
            "For a blockage, the oldest message is inspected and moved to the parking queue when it cannot be parsed.",
            "{peer} is told in #{channel}, because its retries double the load while the backlog lasts.",
        ),
        "The backlog counts as gone when {signal} has been below the threshold for a full thirty minutes.",
    ),
    Runbook(
        "failover",
        "Failing over to the standby",
        "This applies when the primary database of {service} does not answer or replication has stopped.",
        (
            "Writers are paused with the maintenance flag; readers go on from the standby.",
            "The replication position is written into the incident channel before anything is promoted.",
            "The standby is promoted, the old primary is fenced, and writers are resumed in two steps of 50 %.",
            "A reconciliation of {data} from the last hour runs before the maintenance flag is cleared.",
        ),
        "The old primary is rebuilt as a standby within one working day, so that there is never a night without one.",
    ),
    Runbook(
        "rollback",
        "Rolling back a release",
        "This applies when {signal} leaves its band within an hour of a release of {service}.",
        (
            "The release page shows the last version that was healthy for 24 hours; that is the version to go back to.",
            "Schema changes are additive, so the older version starts against the newer schema.",
            "The canary group goes back first, and its error rate is watched for five minutes.",
            "The change stays reverted on the main branch until a test reproduces the fault.",
        ),
        "A short note in #{channel} says what was rolled back, by whom, and which issue follows it up.",
    ),
    Runbook(
        "credentials",
        "Rotating credentials",
        "Credentials of {service} are rotated every ninety days and whenever somebody with access leaves the team.",
        (
            "A second credential is issued beside the first; both are valid during the change.",
            "Instances pick the new one up on restart, one availability zone after the other.",
            "The access log of {peer} shows when the first credential was last used.",
            "After 24 hours without use the first credential is revoked.",
        ),
        "The rotation is recorded in the access register; no value of any credential is ever written on a page.",
    ),
    Runbook(
        "replay",
        "Replaying events",
        "This applies when {data} were lost or processed wrongly between two known instants.",
        (
            "The window is agreed with the owner of {peer}, who has to accept the events a second time.",
            "A dry run counts the events and compares them with the archive; the counts have to match exactly.",
            "The replay runs at a quarter of the normal rate, outside the busiest hours.",
            "Consumers recognise repeated events by their identifier and skip those that were applied.",
        ),
        "The counts before and after are attached to the issue, so that an auditor can follow what was done.",
    ),
    Runbook(
        "capacity",
        "Planning capacity for a peak",
        "This applies two weeks before a known peak, such as the end of a quarter or a public holiday.",
        (
            "The forecast for {data} is the same week of last year, times the growth of the last three months.",
            "A load test at 150 % of the forecast runs in the staging environment; {signal} is the measure.",
            "Database connections, queue depth and the quota at {peer} are checked, in this order.",
            "Scaling limits are raised for the peak and put back afterwards, both by pull request.",
        ),
        "After the peak the forecast is compared with what happened, and the growth factor is corrected.",
    ),
)

DECISIONS = (
    Decision(
        "Outbox instead of dual writes",
        "{service} wrote to its database and published {data} in two steps, and now and then only one of them happened.",
        "Events are written to an outbox table in the same transaction and published by a relay.",
        "Two-phase commit was rejected because the broker does not support it; change capture needs rights we do not have.",
        "Consumers see events up to a second later, and have to accept the same event twice.",
    ),
    Decision(
        "One schema registry for all events",
        "Teams agreed on the shape of {data} by word of mouth, and {peer} broke twice in one month.",
        "Every event has a schema in the registry, and a build fails when a change is not backward compatible.",
        "Versioned topics were rejected: every consumer would have to move on the same day.",
        "Adding an optional field stays cheap, removing one takes a deprecation period of two releases.",
    ),
    Decision(
        "Idempotency keys on every write",
        "A timeout between {service} and {peer} leaves the caller not knowing whether the write took place.",
        "Callers send a key; {service} keeps it for seven days and answers a repeated call with the first result.",
        "Detecting duplicates by content was rejected, because two equal requests are sometimes both meant.",
        "Storage grows by about two percent; retries are safe everywhere.",
    ),
    Decision(
        "Feature flags are short-lived",
        "{service} carried forty flags, some of them older than two years, and nobody dared to remove one.",
        "A flag has an owner and an expiry date, and the build warns from the expiry date on.",
        "A yearly clean-up was rejected; it was tried and did not happen.",
        "Fewer combinations to test, and one more small chore at the end of every change.",
    ),
    Decision(
        "Trunk-based development with small changes",
        "Branches of {service} lived for nine days on average, and merging them caused half of the failed builds.",
        "Changes go to the main branch within two days, hidden behind a flag when they are not finished.",
        "Release branches were rejected for services; they remain for the mobile client.",
        "Reviews became shorter: the median change is now 84 lines.",
    ),
    Decision(
        "Alerts follow objectives, not causes",
        "The rota of {service} was paged 61 times in a month, and 48 of these needed nothing done.",
        "Only a fast burn of the error budget pages somebody; everything else is a ticket for the next morning.",
        "Raising the thresholds was rejected, because it hides slow damage.",
        "{signal} is now the one objective that the team reports on.",
    ),
    Decision(
        "Contract tests between neighbours",
        "End-to-end tests of {service} with {peer} took 50 minutes and failed for reasons outside both.",
        "Each consumer publishes its expectations, and the provider checks them in its own build.",
        "A shared test environment was rejected, because its data went stale within days.",
        "The end-to-end suite shrinks to the six journeys that users notice.",
    ),
    Decision(
        "Read models for reporting",
        "Reports on {data} ran against the primary database of {service} and slowed it down each morning.",
        "Reports read from a separate model that is fed by events and is at most two minutes behind.",
        "A read replica was rejected: the queries need other indexes than the service has.",
        "Reports show the instant up to which they are complete.",
    ),
    Decision(
        "Retention of operational data",
        "{data} were kept for ever in {service}, and restoring a backup took eleven hours.",
        "Operational data are kept for eighteen months and then moved to the archive, which is searchable by request.",
        "Deleting them outright was rejected after talking to the records office.",
        "Restoring takes under two hours; the quarterly restore exercise proves it.",
    ),
    Decision(
        "Timeouts are budgets",
        "{service} called {peer} with a timeout longer than that of its own caller, so work went on for nobody.",
        "A deadline travels with each request, and every hop takes its share of what is left.",
        "Fixed timeouts per hop were rejected; they only fit until somebody adds a hop.",
        "Slow requests fail earlier, and with a message that says where the time went.",
    ),
)

TALKS = (
    Talk(
        "Does anybody know why {signal} on {service} doubles every day around 10:00?",
        (
            "That is the daily import from {peer}. It settles after a quarter of an hour.",
            "The import could be spread over an hour. I will open an issue for {service}.",
        ),
    ),
    Talk(
        "{service} is released. {data} now carry the identifier of the request that made them.",
        (
            "Nice, that makes the dashboards of {peer} a lot easier to read.",
            "Error rate of {service} after thirty minutes: unchanged. I am closing the release checklist.",
        ),
    ),
    Talk(
        "Could somebody review a small change in {service}? It moves the retry of {data} out of the request path.",
        (
            "Read it, and approved. One question: should the metric have the same name as the one of {peer}?",
            "Renamed so that both match, and merged. {service} goes out this afternoon.",
        ),
    ),
    Talk(
        "Handover of the rota for {service}: a quiet week, two pages, both from the night batch. {signal} is within its objective.",
        (
            "Thanks, I have the rota from here. Anything to look out for at {peer}?",
            "Only the maintenance window of {peer} on Sunday morning, it is in the calendar.",
        ),
    ),
    Talk(
        "I am new in the team: where do I find out how {service} and {peer} fit together?",
        (
            "The overview page of {service} has the neighbours, and its readme explains how to start it. Tomorrow's handover covers most of {data}, come along.",
            "Gladly. I will read about {peer} until then.",
        ),
    ),
    Talk(
        "The build of {service} went from 14 to 6 minutes, because the integration tests now share one database.",
        (
            "Great. The same trick should work in {peer}.",
            "I can help the people of {peer} with that after the planning on Monday.",
        ),
    ),
    Talk(
        "Heads-up: the staging database of {service} is refreshed tonight. Test {data} from this week will be gone.",
        ("Fine for us, we finished the tests with {peer} yesterday.",),
    ),
    Talk(
        "Decision from the design review: {service} keeps its own copy of reference data instead of asking {peer} each time.",
        (
            "Does the copy in {service} say how old it is?",
            "Yes, its age is a metric, and the page of the decision has the limits.",
            "Then I am happy with it. Please add the limit to the alerts on {signal}.",
        ),
    ),
    Talk(
        "Is a test account available that shows {data} from more than one site?",
        (
            "There are three in the staging set of {service}, the overview page lists them.",
            "Found them, thank you. They also cover the rounding case of {peer}.",
        ),
    ),
    Talk(
        "Weekly numbers for {service}: availability 99.97 %, two slow hours on Wednesday, {signal} back in its band since then.",
        (
            "The slow hours match the index rebuild of {peer}.",
            "The rebuild of {peer} moves to the weekend from next week on.",
        ),
    ),
    Talk(
        "The dependency update of {service} is green on all but one test. It fails on the order of {data}.",
        (
            "The order was never promised. I would sort {data} in the test.",
            "Done, and the update is merged. {peer} can follow.",
        ),
    ),
    Talk(
        "The error budget of {service} is at 38 % with ten days to go. I suggest that we finish the reliability work first.",
        (
            "Agreed. The feature for {peer} can wait a sprint.",
            "I have moved the order on the board of {service} and told the product side.",
        ),
    ),
    Talk(
        "Lunch talk on Thursday: what we learnt from a year of watching {signal} at {service}.",
        (
            "Will it be recorded? Half of the people of {peer} are away.",
            "Yes, and the slides go on the page of {service}.",
        ),
    ),
    Talk(
        "{peer} asks whether {service} can send {data} twice a day instead of once.",
        (
            "Technically yes. It would move {signal} a little, so let us try it for a week.",
            "I will tell {peer} and put the end of the trial into the calendar.",
        ),
    ),
    Talk(
        "Found a half-written page on {data} from last autumn. Does anybody mind if I finish it for {service}?",
        ("Please do. The part on {peer} is outdated, the rest should still hold.",),
    ),
    Talk(
        "Load test of {service} is through: 150 % of the forecast, {signal} inside its band until the last five minutes.",
        (
            "What happened in the last five minutes?",
            "The quota at {peer} ran out. It will be raised before the peak, and {service} slows down politely from then on.",
        ),
    ),
    Talk(
        "We drew lots for the next fail-over exercise and it is {service}, on Tuesday at 14:00.",
        (
            "I will watch {signal}, who watches {peer}?",
            "I do. Whoever has never done it presses the button for {service}.",
        ),
    ),
    Talk(
        "Customer feedback of the month mentions {data} four times, always in a friendly way.",
        (
            "That is new! The clearer messages of {service} seem to help.",
            "I will forward it to {peer}, half of the work was theirs.",
        ),
    ),
)

DEFECTS = (
    Defect(
        "{service}: {data} are shown twice after a retry",
        "When the caller of {service} times out and tries again, {data} appear twice in the overview. Expected: the second attempt is answered with the first result. Seen three times this week, always while {peer} was slow.",
    ),
    Defect(
        "{service}: export drops rows with an empty note",
        "The nightly export leaves out {data} whose note is empty. The row count in the footer is right, so nobody noticed for a while. Comparing footer and body in the export job would have shown it.",
    ),
    Defect(
        "{service}: time zone of the daily cut-off is wrong in summer",
        "The cut-off for {data} is taken in UTC, so for half of the year it is an hour late. Reports of {peer} use local time and do not add up on the first of the month.",
    ),
    Defect(
        "{service}: search ignores accents",
        "Names with an accent are only found when they are typed exactly. Both spellings should find them, in {service} as well as in {peer}.",
    ),
    Defect(
        "{service}: memory grows until the nightly restart",
        "Memory of {service} grows by about 4 % an hour. A heap comparison points to the cache of {data}, which has no upper limit. {signal} suffers from the third day on.",
    ),
    Defect(
        "{service}: paging skips an entry when something is added",
        "The list of {data} is paged by offset. An entry that is added while somebody reads moves the rest by one. Paging by cursor, as {peer} does, removes the gap.",
    ),
    Defect(
        "Add {signal} to the team dashboard of {service}",
        "The team looks at three pages to answer one question. {signal} should be on the first one, beside the error rate, with the objective as a line.",
    ),
    Defect(
        "{service}: clearer message when {peer} refuses a request",
        "Users see a general error when {peer} refuses {data}. The reason is known at that point and could be shown, together with what can be done about it.",
    ),
    Defect(
        "Remove the old import path from {service}",
        "Nothing has used the old import of {data} since March. It can go, together with its flag, two tables and the alert that nobody remembers.",
    ),
    Defect(
        "{service}: test for leap years and month ends",
        "A rounding fault in {data} was found by hand on the last day of February. The suite should cover month ends, leap years and the change of the clocks.",
    ),
    Defect(
        "{service}: slow start after a release",
        "After a release the first requests take up to eight seconds, because {data} are loaded on first use. Loading them before the instance takes traffic keeps {signal} flat.",
    ),
    Defect(
        "Write down who owns the interface between {service} and {peer}",
        "Twice this quarter a change on one side surprised the other. The overview page should name an owner for the interface and how changes are announced.",
    ),
)
