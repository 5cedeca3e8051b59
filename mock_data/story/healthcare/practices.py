"""How the people of the hospitals work."""

from __future__ import annotations

from mock_data.story.world import Practice, Talk

PRACTICES = (
    Practice(
        "The morning bed meeting",
        (
            "The bed meeting takes place at 08:15 and lasts twelve minutes. Each ward names its empty beds, expected discharges and patients who wait for another ward.",
            "The Bed Board is the only list in the room. A bed that is not on the board does not exist, and whoever finds a difference corrects it before the meeting goes on.",
            "When more than twelve patients wait for a bed, the flow coordinator opens the escalation plan, whose steps are agreed with all wards in advance.",
        ),
    ),
    Practice(
        "Handover between shifts",
        (
            "A handover covers the situation, the background, the assessment and what is asked of the next shift, in this order. It takes place at the bedside whenever the patient agrees.",
            "Handover Notes are prepared during the last hour of a shift. A note that was not changed for two days is shown in grey, as a hint to look again.",
            "Open tasks have a name. Tasks without one are given to the charge nurse, and this happens about twice a week on each ward.",
        ),
    ),
    Practice(
        "Working on paper while systems are down",
        (
            "After ten minutes without the record the charge nurse declares downtime for the ward and takes the folder from the shelf. The snapshot in it is at most ten minutes old.",
            "Orders are written on the numbered forms, one copy for the pharmacy. Laboratory results arrive by telephone and are read back.",
            "After downtime two people enter the forms, one reads and one types. The forms stay in the folder until the entries were compared.",
        ),
    ),
    Practice(
        "How a critical result reaches a clinician",
        (
            "The laboratory releases the result, Critical Alerts looks up who is on call and calls that person. Acknowledging takes one tap and names the person.",
            "Without an answer the call is passed on after five minutes, and after ten to the consultant. The chain ends at a person, never at a mailbox.",
            "Every alert that took longer than fifteen minutes is looked at in the weekly review, to find the gap rather than somebody to blame.",
        ),
    ),
    Practice(
        "Reviewing a safety report",
        (
            "A report is read on the day it arrives. The reviewer thanks the reporter, asks what is missing and decides whether it is urgent.",
            "Reviews ask what made the event likely, not who did it. The people involved are invited and may bring a colleague.",
            "Each review ends with at most three actions, each with an owner and a date. Actions that only say 'remind staff' are sent back.",
        ),
    ),
    Practice(
        "Changing an order set",
        (
            "A change is proposed by a clinician with its source. Pharmacy, nursing and the specialty each have one week to answer.",
            "The new version is tried on one ward for two weeks. Orders from the set, changes to its defaults and warnings are counted before and after.",
            "Old versions can be read for ever, because a record has to show what was offered at the time.",
        ),
    ),
    Practice(
        "Planning a theatre day",
        (
            "The list for a day is closed at 13:00 on the day before. Later changes need the agreement of anaesthesia and of the theatre coordinator.",
            "Patients with a latex allergy, children and day cases come first. Equipment that exists once is booked like a room.",
            "The plan shows the time between cases as its own block, so that cleaning and preparation are not taken for slack.",
        ),
    ),
    Practice(
        "Maintenance windows in a hospital",
        (
            "There is no hour at which nobody works. Maintenance takes place on Tuesday between 02:00 and 04:00, when fewest orders are written, and never on more than one system.",
            "Wards hear of it a week ahead, on the day before and when it begins. The message says what will not work, how long, and what to use instead.",
        ),
    ),
    Practice(
        "Introducing a new device on a ward",
        (
            "Device Bridge registers a device with its serial number, its location and the person who looks after it. Readings appear in the record after a nurse has confirmed the patient.",
            "During the first week readings are compared with those written by hand, twice a shift. A device leaves the trial when 99 of 100 agree.",
        ),
    ),
    Practice(
        "Measuring what matters to patients",
        (
            "Waiting times, cancelled operations and repeated questions come up most often in patients' letters. These three are on the first page of the monthly report.",
            "Indicators are shown with their spread, so that a ward sees whether a month was unusual. A target without a way to reach it is not published.",
        ),
    ),
)


WARD_TALKS = (
    Talk(
        "The night team on the fourth floor asks whether {signal} can be shown on the ward screen as well.",
        (
            "It can, {service} already has the figure. I will bring a sketch to the next ward meeting.",
            "Thank you. Please keep it small, the screen is full.",
        ),
    ),
    Talk(
        "Feedback from the ward round: {data} are easier to find since the last change of {service}.",
        ("Good to hear. Two wards still use the printed list, I will ask them why.",),
    ),
    Talk(
        "Training for {service} on Thursday at 14:00 in the seminar room, twenty minutes, cake included.",
        ("Can the late shift come at 13:30?", "Yes, I will run it twice."),
    ),
)
