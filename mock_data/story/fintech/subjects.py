"""What visitors of the payments company ask, and what is easily taken for an answer."""

from __future__ import annotations

from mock_data.story.world import Question, Subject, asides

SUBJECTS = (
    Subject(
        (
            Question(
                "Why could the standby book a whole batch of payments that had been posted before?",
                "INC-2041",
                "cause",
            ),
            Question(
                "How were accounts put right when balances showed reversed and doubled entries?",
                "INC-2041",
                "mitigation",
            ),
        ),
        asides(
            "payments-ledger",
            """
            Batch on the standby in an exercise: In the restore exercise a batch of payments was booked on the standby only, and its entries were reversed before any account was opened to customers.
            Entries in the wrong period: A whole batch posted on the first of the month carried the old period; accounts were right, but balances by period were not.
            Reversed payments on screen: The screen for reversed payments shows each entry twice in a book with two currencies, which is only a matter of display.
            Posting from paper: While the standby was away, nine payments were posted from paper, and their entries were matched with the balances of the evening.
            Doubled line on account pages: Account pages for the book of loans show a doubled line after a batch, because the text is stored once for each language.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did the relay see failure in silence when our mail provider was slow to reply?",
                "INC-2068",
                "cause",
            ),
        ),
        asides(
            "notification-relay",
            """
            Slow mail on Monday mornings: On Monday mornings the mail provider is slow for everybody, and the relay spreads its sending over an hour.
            Failure page with status 200: The failure page of our provider for push messages comes with status 200, so the relay has to read it as text.
            Replies that nobody reads: Customers reply to mail from the relay, and nobody reads it; the address should say so.
            Silence at night: The relay keeps silence between ten and seven, so the mail of the night goes out in the morning and looks late.
            Another mail provider: Another mail provider was tried for a month; it was cheaper, and slow with pictures.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "How do banks refuse payout files that come back, and what happens to unconfirmed ones?",
                "payout-file-sent-again",
                "mitigation",
            ),
        ),
        asides(
            "settlement-engine",
            """
            Payout file without a header: A bank refused one payout file whose header an editor had cut off, and it was sent by hand.
            Unconfirmed payouts on holidays: Unconfirmed payouts on a bank holiday are no fault: the answer comes on the next working day.
            Files in another order: Two banks send their files back in another order than they got them, and the reader sorts them.
            Payouts to closed accounts: A payout to a closed account comes back after three days, with a file of reasons in four letters.
            Size of payout files: Payout files above fifty megabytes are refused by the oldest of the banks, so they are cut in two.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "How could a dispute be paid manually while an overnight decision was pending at the scheme?",
                "chargeback-refunded-twice",
                "cause",
            ),
        ),
        asides(
            "dispute-desk",
            """
            Disputes that are paid in part: A dispute that is paid in part shows the full amount until the scheme closes it.
            Decisions in another language: The scheme sends its decision on a dispute in the language of the merchant, and analysts translate it.
            Disputes on paper: Branches still write manual disputes on paper, and the overnight post brings them to the desk.
            Pending cases at the end of a quarter: Pending disputes are counted overnight for the quarter, and a decision after midnight belongs to the next one.
            Fee for late decisions: The scheme asks a fee for each decision that is later than forty days, and the fee is paid by the desk.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "What was the gateway stuck waiting on when fraud features arrived singly and no deadline applied?",
                "INC-2057",
                "cause",
            ),
        ),
        asides(
            "card-gateway",
            """
            Waiting for a certificate: After a restart the gateway waits up to a minute for its certificate, and no deadline is set for that.
            Features for travel: Fraud features for travel arrive a day late from the airline, and the gateway does without them.
            Shorter deadline in autumn: The schemes shorten their deadline for the gateway by a fifth in autumn.
            Alerts stuck in the outbox: Fraud alerts were stuck in the outbox for an hour, though the gateway itself was quick.
            Names of features in the log: The gateway writes the names of all fraud features into its log, which fills the disk on busy days.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Which job wiped a cache that engineers share, mistaking it for abandoned leftovers?",
                "INC-2063",
                "cause",
            ),
        ),
        asides(
            "build-farm",
            """
            Warm cache in the morning: A nightly job fills the cache for the ten largest repositories, so that engineers in the east find it warm.
            Abandoned build jobs: Engineers leave about forty abandoned jobs a week, and the farm cancels them after two hours.
            One cache for two sites: The job for documentation shares its cache with that of the website, which surprises both.
            User names in cache keys: The cache key held the name of the user, so engineers could not share what they had built.
            Leftovers on workers: Leftovers of a failed job fill the disk of a worker; the cache is not affected.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did moving busy partitions overload one disk during a rebalancing?", "INC-2003", "cause"
            ),
        ),
        asides(
            "event-broker",
            """
            Partitions of new topics: New topics get twelve partitions, and moving to another number means a new topic.
            Disk of the third broker: The disk of the third broker is slower than the rest, which shows on busy days.
            Rebalancing of consumers: A rebalancing of consumers takes nine seconds when a partition is large.
            Overload on purpose: The overload test fills a disk on purpose and looks whether the broker still accepts messages.
            Moving to new machines: Moving the broker to new machines needs a disk of the same size for each partition.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "What held the token lock so long that requests at noon had to queue behind a report?",
                "wallet-lock",
                "cause",
            ),
        ),
        asides(
            "wallet-tokens",
            """
            Old phones: Token requests from old phones take long, because their keys are made in software.
            Phones that are locked: A phone that is locked for long keeps its tokens, and the report lists it as active.
            Report on unused tokens: The report on unused tokens is read by nobody and could be made on request.
            Peak at lunch: Requests peak at noon, when people add a card in the queue at the till.
            Digits on the screen: On one phone the lock screen showed the last digits of the token until an update.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Whose dates ended up in our clearing calendar at the start of the year?", "INC-1987", "cause"
            ),
        ),
        asides(
            "transfer-gateway",
            """
            Holidays in the app: The app shows a calendar of bank holidays that ends with the year.
            Orders from the past: A transfer order with a date of last year is refused by the clearing, and the message does not say why.
            Leap years: The test for the clearing calendar has a leap year in it since February.
            Standing orders in short months: Standing orders whose start date is the last of the month move to the first in the short months of the year.
            Hours before the holidays: At the end of the year the clearing closes at noon, and orders get the date of the next day.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did the matcher treat people who have no middle name as sanctions hits?",
                "INC-2009",
                "cause",
            ),
        ),
        asides(
            "sanctions-screening",
            """
            Legal forms: The matcher for company names ignores the legal form, which brings two hits a day.
            People with one name: People with a single name are screened by it as first and as family name; the hits are the same.
            List for tests: The sanctions list for tests holds invented names, and each gives exactly one hit.
            Names from other scripts: Middle names from other scripts are written in three ways, and the matcher knows two.
            Closed after a note: Hits on people who have died are treated as closed after a note by Compliance.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "How did a percentage meant for few customers get read as the full fraction?",
                "INC-2016",
                "cause",
            ),
        ),
        asides(
            "feature-flags",
            """
            Rounded shares: The report rounds the percentage of customers for each flag, so the parts do not add up to a hundred.
            Flags for named customers: A flag that is meant for a few named customers takes a list instead of a percentage.
            Notes on changes: A small fraction of customers read the notes on changes before a feature is theirs.
            Console with many flags: Reading the full list of flags takes the console eight seconds for customers with many branches.
            Steps of a release: Customers get a feature in three steps, and each percentage stays for a day.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why did the model think old accounts were new once their age turned up empty?",
                "INC-2034",
                "cause",
            ),
        ),
        asides(
            "fraud-scoring",
            """
            Business accounts: Business accounts are scored by the old model until a new one has seen a year of data.
            Models turn red: The age of a model is on the dashboard and turns red after ninety days; the new one has a month left.
            Left out of the training: Empty accounts are left out when a model is trained, because they say little.
            Fair to pensioners: The model was tested for fairness by age, and the accounts of pensioners came out well.
            Payments at night: New accounts that pay at night get a lower score from the model, on purpose.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "Why were lease renewals turned down while the vault was being upgraded?", "INC-2022", "cause"
            ),
        ),
        asides(
            "secret-vault",
            """
            Leases in staging: Leases in staging last a week, so nobody sees a renewal of the vault there.
            Console sorted by owner: The console of the vault was upgraded, and leases can be sorted by owner now.
            Licence in autumn: The licence of the vault is up for renewal in autumn.
            Retired services: Leases of retired services are turned off by a script, which asks the vault for their owner.
            Tried in the test region: The upgrade of the vault was tried in the test region first, with a single lease.
            """,
        ),
    ),
    Subject(
        (
            Question(
                "What ends an engineer's permission by itself, and who may ask for longer hours?",
                "grants-outlive-the-task",
                "mitigation",
            ),
        ),
        asides(
            "access-broker",
            """
            Permission to read logs: Permission to read logs is asked for most, about once an hour.
            Other time zones: Engineers in other time zones ask for access at hours when nobody is there to say yes.
            Reasons of ten words: Since reasons have to be longer than ten words, engineers ask each other for good ones.
            Contractors: The permission of contractors ends with their contract, and the broker is told within an hour.
            Changing teams: An engineer who changes teams keeps the old permission until the end of the month.
            """,
        ),
    ),
)
