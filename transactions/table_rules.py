"""Describes the rules that the database enforces in the tables of transactions, audit and saved
reports. docs/schema.md lists these descriptions.
"""

from ledger.db.table_rules import TableRule, register

register(
    "transactions",
    TableRule(
        "`positive_amount`, `sides_match_type`",
        "an amount that is zero, negative or NaN; a transfer with one side or to itself; a deposit"
        " with a sender",
    ),
    TableRule(
        "`from_account_same_currency`, `to_account_same_currency`",
        "two currencies in one row (composite foreign keys)",
    ),
    TableRule(
        "`transaction_status_valid`, `balances_when_completed`, `only_holds_expire`",
        "a status that contradicts the other columns",
    ),
    TableRule(
        "`transaction_values_finite`, `metadata_is_object`, `metadata_within_limit`",
        "NaN in a balance; a time or value date before 1900 or without end; metadata that is not a"
        " JSON object, or has more than 16 KiB",
    ),
    TableRule(
        "`hold_captured_once`, `captures_or_reverses`; triggers `capture_within_hold`,"
        " `hold_begins_pending`",
        "capturing a hold twice; a row that captures a hold and also refunds a payment; a capture"
        " that is larger than its hold, on another account, or after the hold has ended; a new row"
        " that is already captured or voided",
    ),
    TableRule(
        "trigger `reversal_within_original`",
        "reversals whose sum exceeds the original payment; a reversal that is not the opposite of"
        " the original",
    ),
    TableRule(
        "trigger `held_follows_rows`",
        "nothing. The trigger changes `held` of the account when a hold ends",
    ),
    TableRule(
        "triggers `posted_row_is_final`, `posted_row_stays`, `posted_rows_stay`",
        "DELETE, TRUNCATE, and every UPDATE with two exceptions: a pending hold becomes captured"
        " if a row captures it, and voided if no row captures it. `released_hold_has_reason`"
        " refuses to void a hold without a reason before it expires",
    ),
    TableRule(
        "trigger `balances_follow_rows`",
        "a row that does not continue the books (also: `rows_continue_the_books`): its balance is"
        " not the previous balance plus the amount, or its time is before the last entry or in the"
        " future. An amount with too many decimals for its currency (`amount_fits_currency`). A"
        " row of a frozen or closed account (`account_may_move`)",
    ),
    TableRule(
        "the same trigger, for rows of staff",
        "staff who move their own or their household's money (also: `staff_serve_others`). The"
        " trigger adds the amount to the sums of the day, unless an approved request has the same"
        " contents",
    ),
    TableRule(
        "trigger `sealed_period_is_closed`",
        "a row with a time inside a sealed period. `old_row_reads_committed` refuses an old row in"
        " a transaction whose snapshot may not contain the newest seal",
    ),
)
register(
    "seals",
    TableRule(
        "`seal_period_valid`, `first_seal_begins_the_books`, `seal_digest_is_sha256`; trigger"
        " `seal_follows`",
        "an invalid period or digest; a gap between seals; a wrong digest of the previous seal; a"
        " period that has not ended (also: `seal_is_of_the_past`)",
    ),
    TableRule("triggers `seal_stays`, `seals_stay`", "changing or deleting a seal"),
)
register(
    "sealed_days",
    TableRule("`sealed_day_valid`", "an invalid digest or count"),
    TableRule("triggers `sealed_day_stays`, `sealed_days_stay`", "changing or deleting rows"),
)
register(
    "audit_runs",
    TableRule(
        "`audit_run_times_rise`, `audit_run_readable`; triggers `audit_run_is_of_now`,"
        " `audit_run_stays`, `audit_runs_stay`",
        "changing or deleting findings; an audit that ends before it begins, or is not stored when"
        " it ends; findings that are not a list; unreadable times",
    ),
)
register(
    "transaction_notes",
    TableRule(
        "`note_once_per_transaction_and_action`, `note_action_valid`; triggers `note_stays`,"
        " `notes_stay`",
        "two reasons for one refund, hold, capture, release or payment from a file; changing or"
        " deleting a reason",
    ),
    TableRule(
        "triggers `note_by_its_author`, `note_is_of_now`, `released_by_stranger`",
        "a reason that a page inserts without an author, or with an author who is not in the"
        " signed facts, unless the author requested the approval with the same text; staff who"
        " release a hold on their or their household's account, or a hold that pays such an"
        " account. `note_is_of_now` sets the time",
    ),
)
register(
    "payment_names_asked",
    TableRule(
        "`names_asked_once_a_day`",
        "two rows with counts of wrong names for one person and day",
    ),
)
register(
    "saved_reports",
    TableRule("`saved_report_parameters_are_object`", "parameters that are not an object"),
)
