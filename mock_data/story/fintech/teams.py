"""The teams of the payments company."""

from __future__ import annotations

from mock_data.story.world import Team

TEAMS = (
    Team(
        "payments", "Payments Core", "PAY", "PAY", "payments-core", "moves money once, exactly, and proves it"
    ),
    Team("cards", "Cards", "CARD", "CARD", "cards", "authorises card payments in under 120 milliseconds"),
    Team(
        "risk", "Risk and Fraud", "RISK", "RISK", "risk-and-fraud", "stops fraud without stopping customers"
    ),
    Team(
        "onboarding",
        "Customer Onboarding",
        "ONB",
        "ONB",
        "customer-onboarding",
        "opens an account in minutes and by the book",
    ),
    Team(
        "data",
        "Data and Reporting",
        "DATA",
        "DATA",
        "data-and-reporting",
        "gives every number one definition and one owner",
    ),
    Team(
        "devex",
        "Developer Experience",
        "DEVX",
        "DEVX",
        "developer-experience",
        "shortens the way from a commit to a customer",
    ),
    Team("platform", "Cloud Platform", "PLAT", "PLAT", "cloud-platform", "runs what all the others run on"),
    Team(
        "security",
        "Security Engineering",
        "SEC",
        "SEC",
        "security-engineering",
        "makes the safe way the easy way",
    ),
)
