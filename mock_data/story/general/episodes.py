"""Smaller things that happened at the company of any kind, and what was made of them."""

from __future__ import annotations

from mock_data.story.world import Episode

EPISODES = (
    Episode(
        "invoices-in-francs",
        "invoice-run",
        "Francs and euros mixed up",
        "Swiss customers received invoices in euros with the number of francs on them.",
        "The invoice took its currency from the branch that had the order, and the price came in the currency of the customer.",
        "Price and currency travel together now, and an invoice in which the two differ is shown to a person.",
        "Forty-two invoices were made anew, most of them in favour of the customer.",
    ),
    Episode(
        "exercise-orders",
        "report-warehouse",
        "Training in the books",
        "The sales of March were higher in the report than in the books.",
        "Training courses place their orders under a real customer number, and the filter for exercises knew only the number of last year.",
        "Exercises belong to a customer group of their own, which every table of sales leaves out.",
        "The report of March was published anew with a note.",
    ),
    Episode(
        "former-address",
        "contract-archive",
        "Reminders for an empty house",
        "Nineteen customers received a reminder for an invoice that they had never seen.",
        "The address was copied into the contract on the day it was signed, and a move was entered with the customer only.",
        "Invoices take the address from the customer on the day they are made.",
        "The reminders were taken back, and the customers were told why.",
    ),
    Episode(
        "manager-on-leave",
        "access-portal",
        "Nine days without applications",
        "New colleagues in two departments waited nine days for their applications.",
        "Requests went to the manager alone, and a deputy was only asked when the manager had named one before the holidays.",
        "After two days a request goes to the next level, and the calendar names the deputy.",
        "Nobody has waited for more than three days since.",
    ),
    Episode(
        "closed-unanswered",
        "help-desk",
        "Closed, and not solved",
        "Colleagues complained that their tickets were closed though nothing had been solved.",
        "A rule closed whatever nobody had touched for a week, and an answer by telephone did not count as a touch.",
        "The rule asks the colleague first and waits three days for a reply.",
        "Of 380 tickets that the rule would have closed, 90 were still needed.",
    ),
    Episode(
        "door-screens",
        "room-booking",
        "Two meetings in one room",
        "Two meetings met in the same room, and the screen at the door called it free.",
        "The screens at the doors signed in with a password that had been changed, and went on showing the last plan they had.",
        "Each screen has a certificate of its own, and one that cannot sign in goes dark.",
        "Dark screens are reported within minutes, because everybody notices them.",
    ),
)
