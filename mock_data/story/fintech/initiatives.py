"""What the teams of the payments company have planned."""

from __future__ import annotations

from mock_data.story.world import Initiative

INITIATIVES = (
    Initiative(
        "instant-payouts",
        "payments",
        "Instant payouts for merchants",
        "Merchants receive their takings within a minute instead of the next morning.",
        "share of payouts that arrive in under 60 seconds",
        (
            "Agree the payout limits with Risk",
            "Stream settlement results instead of batching them",
            "Show the payout state in the merchant portal",
            "Pilot with forty merchants",
            "Write the runbook for a closed clearing scheme",
        ),
    ),
    Initiative(
        "authorisation-120",
        "cards",
        "Authorisation under 120 milliseconds",
        "Card authorisations are answered in under 120 milliseconds at the 99th percentile.",
        "authorisation latency at the 99th percentile",
        (
            "Trace the slowest one percent",
            "Keep limits in memory beside the gateway",
            "Remove the second call to fraud scoring",
            "Load test at twice the holiday peak",
        ),
    ),
    Initiative(
        "explainable-fraud",
        "risk",
        "Explainable fraud decisions",
        "An analyst can see within seconds why a payment was stopped.",
        "median time to decision in alert cases",
        (
            "Store the features beside each score",
            "Show the three strongest reasons in the case",
            "Review the wording with customer support",
            "Measure how often analysts overrule a score",
        ),
    ),
    Initiative(
        "five-minute-account",
        "onboarding",
        "An account in five minutes",
        "Four of five private customers open an account in five minutes without help.",
        "median time from first form to open account",
        (
            "Ask for documents only when they are needed",
            "Let a paused application go on at another device",
            "Read passports with the phone's chip reader",
            "Tell the customer what is being checked",
        ),
    ),
    Initiative(
        "one-number",
        "data",
        "One definition for every number",
        "The management report and the regulatory report use the same definitions.",
        "share of reported numbers with an owner and a test",
        (
            "List the numbers that differ between reports",
            "Move definitions into the metrics catalogue",
            "Add a test to each definition",
            "Retire the three oldest report jobs",
        ),
    ),
    Initiative(
        "ten-minute-builds",
        "devex",
        "Builds under ten minutes",
        "Nine of ten builds finish in ten minutes, so that a change can be reviewed while it is fresh.",
        "90th percentile of build time",
        (
            "Cache test results by input",
            "Split the twelve slowest suites",
            "Show flaky tests to their owners",
            "Give warm workers to the busiest repositories",
            "Publish build times per repository each week",
        ),
    ),
    Initiative(
        "golden-path",
        "devex",
        "A golden path for new services",
        "A new service is in production, with alerts and an owner, on the day it is created.",
        "days from first commit to first deployment",
        (
            "Make a template that passes all checks",
            "Register each new service in the catalogue",
            "Generate dashboards from the objectives",
            "Write the onboarding page together with three teams",
        ),
    ),
    Initiative(
        "zone-exit",
        "platform",
        "Living through the loss of a zone",
        "Every service goes on when one availability zone is gone.",
        "share of services that passed the exercise",
        (
            "Spread the brokers over three zones",
            "Fail over a database each week during office hours",
            "Find services that run in one zone only",
            "Hold a company-wide exercise in June",
        ),
    ),
    Initiative(
        "no-standing-access",
        "security",
        "No standing access to production",
        "Nobody holds permanent rights in production; access is granted for a task and expires.",
        "number of standing production grants",
        (
            "Count the standing grants by team",
            "Make a grant available within two minutes",
            "Record the reason in the audit trail",
            "Remove the last shared account",
        ),
    ),
)
