"""What the teams of the hospitals have planned."""

from __future__ import annotations

from mock_data.story.world import Initiative

INITIATIVES = (
    Initiative(
        "home-by-noon",
        "flow",
        "Home by noon",
        "A third of discharges take place before noon, so that beds are free when the afternoon's patients arrive.",
        "share of discharges before noon",
        (
            "Start discharge planning on the day of admission",
            "Order take-home medicines the evening before",
            "Show open tasks on the ward screen",
            "Agree transport slots with the patient transport service",
        ),
    ),
    Initiative(
        "first-case-on-time",
        "theatres",
        "First case on time",
        "The first operation of the day begins within ten minutes of the plan in nine of ten rooms.",
        "on-time starts of the first case",
        (
            "Record why a start was late, in one tap",
            "Deliver instrument sets the evening before",
            "Call the first patient at a fixed time",
            "Review late starts every Friday",
        ),
    ),
    Initiative(
        "closed-loop-medication",
        "pharmacy",
        "Closed-loop medication",
        "Every dose can be followed from the order to the bedside.",
        "share of doses scanned at the bedside",
        (
            "Print codes on ward-made syringes",
            "Scan wristband and medicine on six wards",
            "Show missed scans to the charge nurse",
            "Train two people per ward as contacts",
            "Extend the scans to infusions",
        ),
    ),
    Initiative(
        "critical-in-fifteen",
        "diagnostics",
        "Critical results in fifteen minutes",
        "A critical result is acknowledged by a clinician within fifteen minutes.",
        "95th percentile of time to acknowledgement",
        (
            "Ask the on-call directory whom to call",
            "Pass a call on after five minutes",
            "Show the history of each alert",
            "Agree the list of critical values with the wards",
        ),
    ),
    Initiative(
        "fair-rotas",
        "workforce",
        "Fair rotas, six weeks ahead",
        "Every ward publishes its rota six weeks ahead, with nights and weekends spread fairly.",
        "share of wards that publish six weeks ahead",
        (
            "Agree what fair means with staff representatives",
            "Forecast demand by ward and weekday",
            "Let colleagues state wishes in the app",
            "Publish reasons when a wish could not be met",
        ),
    ),
    Initiative(
        "one-patient-one-record",
        "integration",
        "One patient, one record",
        "Doubtful identity links are decided within one working day.",
        "links awaiting review for more than a day",
        (
            "Score links with the new matching rules",
            "Give reviewers both records on one screen",
            "Tell the ward when records were joined",
            "Count joins that had to be undone",
        ),
    ),
    Initiative(
        "learning-from-near-misses",
        "quality",
        "Learning from near misses",
        "Whoever reports a near miss hears within a week what became of it.",
        "share of reports answered within seven days",
        (
            "Shorten the form to two minutes",
            "Assign each report on the same day",
            "Publish a monthly digest",
            "Invite reporters to the review",
        ),
    ),
    Initiative(
        "quiet-screens",
        "informatics",
        "Quiet screens",
        "Clinicians see fewer warnings, and those that remain are worth reading.",
        "warnings per hundred orders",
        (
            "Count warnings by kind and ward",
            "Retire warnings that nobody accepts",
            "Move advice from pop-ups into the order set",
            "Test the new wording with twelve nurses",
        ),
    ),
    Initiative(
        "ready-for-downtime",
        "informatics",
        "Ready for downtime",
        "Every ward can work for eight hours without the main systems.",
        "wards that passed the downtime exercise",
        (
            "Refresh downtime snapshots every ten minutes",
            "Place a printer on emergency power on each floor",
            "Exercise with two wards each month",
            "Write down how paper comes back into the record",
        ),
    ),
)
