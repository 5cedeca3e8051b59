"""What visitors of the company of any kind ask, and what is easily taken for an answer."""

from __future__ import annotations

from mock_data.story.world import Aside, Question, Subject

SUBJECTS = (
    Subject(
        (
            Question(
                "Why were customer orders for untaxed products skipped, so that an invoice was missing?",
                "INC-1204",
                "cause",
            ),
            Question(
                "How soon after classes of tax were added did customers get the invoices for their orders?",
                "INC-1204",
                "mitigation",
            ),
            Question(
                "Why did a renamed file of customer orders look new and double our sales?",
                "INC-1213",
                "cause",
            ),
            Question(
                "Why did Swiss invoices take a branch's currency when the price for customers was in another?",
                "invoices-in-francs",
                "cause",
            ),
            Question(
                "How could orders from a training course carry an actual customer's number past our filter?",
                "exercise-orders",
                "cause",
            ),
            Question(
                "Why did invoices use an old address kept in the signed contract after a customer had moved?",
                "former-address",
                "cause",
            ),
        ),
        (
            Aside(
                "order-desk",
                "Order numbers in large type",
                "Customers ask for the order number on the first page of an invoice, in large type.",
            ),
            Aside(
                "invoice-run",
                "One envelope",
                "A customer with several orders on a day gets the invoices in one envelope, which saves postage.",
            ),
            Aside(
                "product-catalogue",
                "Names in the shop",
                "Invoices show the product name of the day of the order, and customers find a newer one in the shop.",
            ),
            Aside(
                "contract-archive",
                "Without a contract",
                "Orders of customers without a contract are checked by hand, and the invoice waits for that.",
            ),
            Aside(
                "report-warehouse",
                "Tables by customer",
                "The report shows orders and invoices by customer, and leaves out customers with fewer than three.",
            ),
        ),
    ),
    Subject(
        (
            Question(
                "What made colleagues lose their account over an old password although they signed in daily?",
                "INC-1209",
                "cause",
            ),
            Question(
                "From which history could accounts of locked colleagues be restored?",
                "INC-1209",
                "mitigation",
            ),
            Question(
                "Why did a colleague's account request wait for one manager although a deputy existed?",
                "manager-on-leave",
                "cause",
            ),
            Question(
                "Why did a rule close tickets of colleagues whose account question was answered on the telephone?",
                "closed-unanswered",
                "cause",
            ),
            Question(
                "Why did door screens with an old password keep a plan that misled colleagues?",
                "door-screens",
                "cause",
            ),
        ),
        (
            Aside(
                "single-sign-on",
                "Rules for guests",
                "Colleagues find the rule for passwords too long, and the account of a guest has another one.",
            ),
            Aside(
                "access-portal",
                "Trainees",
                "The account of a trainee ends with the course, and colleagues should not lend them a password.",
            ),
            Aside(
                "help-desk",
                "What is asked most",
                "Half of the calls of colleagues are about a password, and most of these about the account for travel.",
            ),
            Aside(
                "room-booking",
                "Account of the reception",
                "The colleagues at the reception share one account, whose password is on a card.",
            ),
            Aside(
                "travel-expenses",
                "Numbers in the wrong field",
                "Colleagues type the number of their bank account where the form asks for a password.",
            ),
        ),
    ),
)
