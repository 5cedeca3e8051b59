"""What visitors of the hospitals ask, and what is easily taken for an answer."""

from __future__ import annotations

from mock_data.story.world import Question, Subject, asides

SUBJECTS = (
    Subject(
        (
            Question(
                "Why was nobody warned that the board displayed an outdated copy when the network changed?",
                "INC-3108",
                "cause",
            ),
            Question(
                "How did coordinators track free beds by hand until wards could confirm them on the phone?",
                "INC-3108",
                "mitigation",
            ),
        ),
        asides(
            "bed-board",
            """
            Board on paper: A coordinator prints a copy of the board for the ward round, and its colours change on paper; free beds come out grey.
            Board on the phone: The board can be displayed on a phone, but the network of the basement wards is weak and beds load slowly.
            Warning for private beds: The board warns when a free bed of a private ward is given away, and coordinators find that warning outdated.
            New names for wards: When wards change their names, the board shows both for a week and coordinators confirm the copy by hand.
            Move of the east wing: During the network change in the east wing the board was displayed from a laptop, and nurses counted free beds by hand.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did potassium alerts ring someone off duty whose shift had been swapped?",
                "INC-3134",
                "cause",
            ),
        ),
        asides(
            "critical-alerts",
            """
            Around the change of shift: Alerts in the quarter of an hour around a change of shift go to both people on duty.
            Limits for dialysis: Potassium alerts for dialysis patients have limits of their own, agreed with the ward.
            Ring tone: The ring tone for alerts is the same as for a private call, which people on duty mind.
            Two wards with one number: Alerts of two wards with one number were swapped for an afternoon during the move; the shift leader noticed.
            Phone without a battery: A duty phone was empty at the end of a shift, and the alert rang at the desk instead.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Where does the stale patient list come from if a printer drops its midnight job for lack of paper?",
                "INC-3115",
                "cause",
            ),
        ),
        asides(
            "downtime-kit",
            """
            Emergency power: The printer for the downtime list hangs on emergency power, and a job takes a minute longer there.
            Coloured forms: Paper for downtime forms is yellow, so that a patient list on white is noticed.
            Cleaning at night: Jobs after midnight are printed on the next floor while the printer of the ward is cleaned.
            Large type: Patients who are expected come last on the list, and large type needs twice the paper.
            Folder in the lift: A folder was dropped in the lift, and the list of patients had to be put in order again.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why had scanners in a pocket not passed on what was counted at the weekend?",
                "shelf-counts",
                "cause",
            ),
        ),
        asides(
            "stock-room",
            """
            Scanners with a camera: New scanners read codes with a camera and fit into a pocket.
            Count at the end of the year: The yearly count takes a weekend and all scanners of the house.
            Pocket calendars: Two wards write counts into a pocket calendar, and nobody has read it since.
            Batteries: The battery of a scanner lasts a weekend if nobody counts the cold store.
            Deliveries on Saturday: Deliveries at the weekend are counted on Monday, and the scanner shows both days as one.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Which malformed allergy message blocked everything that waited in line?", "INC-3121", "cause"
            ),
            Question(
                "How did pharmacists make sure no ward orders got lost after setting the bad message aside?",
                "INC-3121",
                "mitigation",
            ),
        ),
        asides(
            "medication-orders",
            """
            Long allergy lines: The allergy line of an order is cut after sixty letters, and pharmacists ask the ward for the rest.
            Orders without a weight: Wards get a message when an order is blocked for a missing weight.
            Orders over lunch: Orders that wait for a pharmacist over lunch have a line of their own on the ward screen.
            Dates of the old system: Malformed dates in a message from the old ward system are set to the day of the order.
            Lost cards: Allergy cards that got lost are printed by the pharmacist, with a message to the ward.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did a reminder about the bridge certificate reach a person no longer working here?",
                "INC-3072",
                "cause",
            ),
        ),
        asides(
            "device-bridge",
            """
            Cleaning on Friday: A reminder to clean the monitors appears on the bridge every Friday.
            Certificate of training: The certificate of training for monitors is valid for two years, and a reminder comes in time.
            A day without a clock: The bridge goes on working without a time server for a day, and no longer.
            Who looks after a device: Each device has a person who looks after it, and the bridge shows how to reach them.
            Cables to the window: Longer cables between monitor and bridge were tried, and they reach the beds at the window.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did a robot ignore picking jobs while its sensor thought that a door was not shut?",
                "robot-door",
                "cause",
            ),
        ),
        asides(
            "dispensing-robot",
            """
            Round packages: Round packages roll out of the hand of the robot, and the job is picked by a person.
            Door of the cold store: The door of the cold store has a sensor for warmth, which the robot does not read.
            Jobs for the evening: Picking jobs for the evening are sent at noon, when the robot has time.
            Dust: Dust on a sensor slows the robot, and cleaning takes a quarter of an hour with the door open.
            Visitors: The robot shuts down when visitors stand at the door, and its jobs go on afterwards.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why could the deputy not see discharge letters in one folder while their doctor was on holiday?",
                "letters-for-signature",
                "cause",
            ),
        ),
        asides(
            "document-exchange",
            """
            Two languages: Discharge letters in two languages are kept as one letter, and doctors see the second page on demand.
            Letters from outside: Letters from outside have a folder of their own, which every doctor of the ward can see.
            Secretary on holiday: A deputy for the secretary is named for the holidays, and letters are sent twice a day.
            Doctors with one name: Two doctors share a name, and their letters are told apart by the ward on the folder.
            Calendar of the doctors: The holiday calendar of doctors is read by the exchange, so that a letter names who is there.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "How did a matching rule come to merge twins' records, weighing their first name so little?",
                "INC-3061",
                "cause",
            ),
        ),
        asides(
            "patient-index",
            """
            Names with a hyphen: First names with a hyphen match both with and without it, by a rule of last year.
            People without a name: Records of people who cannot say their name get a number, and a rule that matches nothing.
            Newborn twins: Twins get their records at birth, with a first name that is often changed within a week.
            Old addresses: An old address weighs half, and a record is shown to a person when little else matches.
            Practices that merge: When two practices merge, their records are matched by a rule of their own.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did children's weights arrive in grams rather than kilograms once scales had been updated?",
                "INC-3090",
                "cause",
            ),
        ),
        asides(
            "dose-check",
            """
            Check of the scales: Scales on the ward for children are checked with a weight of two kilograms each month.
            Doses above a gram: Doses above a gram are shown in grams, and children never get one.
            By telephone: Weights that arrive by telephone are entered by two people and updated in the morning.
            Tables of this year: The tables for children were updated to the edition of this year, with limits by weight.
            Wristbands: The wristband shows kilograms without a decimal, which is rather coarse for small children.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "How did we put pump readings into order by a number, with clocks that had disagreed?",
                "INC-3099",
                "mitigation",
            ),
        ),
        asides(
            "infusion-gateway",
            """
            Without a clock: Three old pumps have no clock, and their readings get the time of arrival.
            Small numbers: The number on a pump is too small to be read from the door.
            Sorted by bed: Nurses would like readings sorted by bed, with the number of the pump in front.
            Summer time: When the clocks change, pumps are set by hand, and one reading is repeated.
            Pump and chart: When a pump and the chart disagree, the reading of the pump counts.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did a late shift's notes land on the wrong day when the shift ran beyond midnight?",
                "INC-3127",
                "cause",
            ),
        ),
        asides(
            "handover-notes",
            """
            Notes in red: Notes of the late shift in red are read first, whatever the day.
            Meal of the night: The night shift has its meal at midnight, and notes are written before.
            Another ward: A note with the wrong ward was found the day after, and its shift had signed it.
            Colours: Late shifts are named by their colour, notes by their day.
            Day clinic: The day clinic has no shift after four, so its notes wait until the morning.
            """,
        ),
    ),
)
