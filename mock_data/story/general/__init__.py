"""A company of any kind and its internal services: what a client without a matching industry is shown."""

from __future__ import annotations

from datetime import UTC, datetime

from mock_data.story.engineering import DECISIONS, DEFECTS, RUNBOOKS, TALKS
from mock_data.story.general.episodes import EPISODES
from mock_data.story.general.subjects import SUBJECTS
from mock_data.story.people import hire
from mock_data.story.world import Incident, Initiative, Practice, Service, Team, World

TEAMS = (
    Team(
        "workplace",
        "Workplace Services",
        "WORKPL",
        "WKP",
        "workplace-services",
        "gives colleagues a working day without friction",
    ),
    Team(
        "business",
        "Business Applications",
        "BIZ",
        "BIZ",
        "business-applications",
        "keeps orders, invoices and contracts moving",
    ),
    Team(
        "infrastructure", "Infrastructure", "INFRA", "INF", "infrastructure", "runs what the company runs on"
    ),
)

SERVICES = (
    Service(
        "access-portal",
        "Access Portal",
        "workplace",
        "TypeScript",
        "grants colleagues access to applications",
        "access requests",
        "time to access",
    ),
    Service(
        "help-desk",
        "Help Desk",
        "workplace",
        "TypeScript",
        "collects questions and answers them",
        "support tickets",
        "time to first answer",
    ),
    Service(
        "room-booking",
        "Room Booking",
        "workplace",
        "TypeScript",
        "books rooms and equipment",
        "room bookings",
        "double bookings",
    ),
    Service(
        "travel-expenses",
        "Travel Expenses",
        "workplace",
        "Kotlin",
        "pays travel costs back",
        "expense claims",
        "days to payment",
    ),
    Service(
        "order-desk",
        "Order Desk",
        "business",
        "Java",
        "takes orders from all sales channels",
        "customer orders",
        "order delay",
    ),
    Service(
        "invoice-run",
        "Invoice Run",
        "business",
        "Java",
        "makes and sends invoices",
        "invoices",
        "invoices awaiting correction",
    ),
    Service(
        "contract-archive",
        "Contract Archive",
        "business",
        "Kotlin",
        "keeps contracts and their deadlines",
        "contracts",
        "missed deadlines",
    ),
    Service(
        "product-catalogue",
        "Product Catalogue",
        "business",
        "TypeScript",
        "describes what the company sells",
        "catalogue entries",
        "entries without a price",
    ),
    Service(
        "single-sign-on",
        "Single Sign-on",
        "infrastructure",
        "Go",
        "signs colleagues in, once",
        "sign-ins",
        "sign-in failures",
    ),
    Service(
        "file-exchange",
        "File Exchange",
        "infrastructure",
        "Go",
        "exchanges files with partners",
        "partner files",
        "transfer delay",
    ),
    Service(
        "backup-keeper",
        "Backup Keeper",
        "infrastructure",
        "Go",
        "makes backups and proves that they can be restored",
        "backup sets",
        "age of the last restore test",
    ),
    Service(
        "report-warehouse",
        "Report Warehouse",
        "infrastructure",
        "Python",
        "holds the numbers for reports",
        "report tables",
        "load delay",
    ),
)

INCIDENTS = (
    Incident(
        "INC-1204",
        "order-desk",
        "invoice-run",
        "Orders without an invoice after a catalogue update",
        datetime(2026, 5, 13, 8, 30, tzinfo=UTC),
        150,
        "SEV-1",
        "Finance found 214 delivered orders without an invoice.",
        "Invoices worth two days of business went out late; customers were not charged twice.",
        "New products had no tax class, and the invoice run skipped their orders without a message.",
        "The tax classes were added and the invoices were sent the same afternoon.",
        (
            "Refuse products without a tax class",
            "Compare orders and invoices every night",
            "Report skipped orders to finance",
        ),
        "Skipping in silence is the most expensive way to fail.",
    ),
    Incident(
        "INC-1209",
        "single-sign-on",
        "access-portal",
        "Colleagues locked out after a directory clean-up",
        datetime(2026, 5, 27, 7, 10, tzinfo=UTC),
        65,
        "SEV-1",
        "Sign-in failures rose to half of all attempts at 07:10.",
        "420 colleagues could not work for up to an hour.",
        "A clean-up of unused accounts counted from the last change of password instead of the last sign-in.",
        "The accounts were restored from the directory's own history.",
        (
            "Count from the last sign-in",
            "List accounts for a day before they are locked",
            "Limit a clean-up to fifty accounts",
        ),
        "A clean-up starts with a list that somebody reads.",
    ),
    Incident(
        "INC-1213",
        "file-exchange",
        "report-warehouse",
        "Partner files read twice",
        datetime(2026, 6, 9, 5, 45, tzinfo=UTC),
        110,
        "SEV-2",
        "Sales in the morning report were twice as high as expected.",
        "Three departments planned with wrong numbers until ten o'clock.",
        "A file was renamed after it had been read, so it looked new.",
        "The second load was removed and the report was sent again.",
        (
            "Recognise files by their content",
            "Warn when a number doubles",
            "Show the time of the last load in each report",
        ),
        "A name says little about what is inside.",
    ),
    Incident(
        "INC-1217",
        "backup-keeper",
        "contract-archive",
        "Restore test fails for the contract archive",
        datetime(2026, 6, 17, 13, 0, tzinfo=UTC),
        240,
        "SEV-2",
        "The monthly restore test ended without the contracts of the last nine days.",
        "Nothing was lost; the backup would have been incomplete in an emergency.",
        "A new storage volume was not in the list of what is backed up.",
        "The volume was added and a full backup was made at once.",
        (
            "Find volumes instead of listing them",
            "Test a restore every week",
            "Compare counts before and after a restore",
        ),
        "A backup is what was restored, not what was written.",
    ),
)

INITIATIVES = (
    Initiative(
        "access-in-an-hour",
        "workplace",
        "Access within an hour",
        "New colleagues have all they need on their first morning.",
        "median time to access",
        ("Bundle access by role", "Ask the manager once", "Remove access on the last day"),
    ),
    Initiative(
        "one-catalogue",
        "business",
        "One product catalogue",
        "Sales, shop and invoices use the same description of a product.",
        "entries that differ between systems",
        ("List the differences", "Name an owner per product group", "Retire the second list"),
    ),
    Initiative(
        "restore-in-a-day",
        "infrastructure",
        "Restored within a day",
        "Every system can be restored within one working day.",
        "systems with a passed restore test",
        ("Order systems by importance", "Test two systems each week", "Write down what is restored first"),
    ),
)

PRACTICES = (
    Practice(
        "How to ask for help",
        (
            "The Help Desk answers within two hours on working days. A good question says what was tried, what happened instead and since when.",
            "Questions that come up three times become a page. The page names an owner and is read again after half a year.",
        ),
    ),
    Practice(
        "The weekly operations meeting",
        (
            "The meeting lasts thirty minutes and has three parts: what changed, what went wrong, what comes next. Whoever runs a service reports on it in two sentences.",
            "Actions have an owner and a date. Those that are late are either done, moved with a reason, or given up in the open.",
        ),
    ),
    Practice(
        "Maintenance without surprises",
        (
            "Maintenance is announced a week ahead in the calendar and in the team's channel. The announcement says what will not work and what to use instead.",
            "A second person reads the plan, and the plan says when to stop and go back.",
        ),
    ),
    Practice(
        "Welcoming a new colleague",
        (
            "A buddy from the same team has time for an hour each day of the first week. The first change goes to production on the second day, however small.",
            "After a month the new colleague corrects the onboarding page, because nobody else sees what is missing.",
        ),
    ),
)

WORLD = World(
    industry="default",
    use_case="default",
    title="Company services",
    shared_space="HQ",
    records=60,
    headlines=("INC-1204",),
    teams=TEAMS,
    people=hire("general", [team.slug for team in TEAMS], each=6),
    services=SERVICES,
    incidents=INCIDENTS,
    episodes=EPISODES,
    subjects=SUBJECTS,
    initiatives=INITIATIVES,
    runbooks=RUNBOOKS,
    decisions=DECISIONS,
    practices=PRACTICES,
    talks=TALKS,
    defects=DEFECTS,
)
