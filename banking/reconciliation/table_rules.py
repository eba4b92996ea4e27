"""Registers the descriptions of the rules that the database enforces in the tables of
reconciliations.
"""

from ledger.db.table_rules import TableRule, register

register(
    "reconciliations",
    TableRule(
        "`reconciliation_format_valid`, `reconciled_one_at_a_time`,"
        " `reconciliation_begins_unsigned`",
        "an unknown format; a change in a transaction with an old snapshot; a new reconciliation"
        " that is already signed",
    ),
    TableRule(
        "`reconciliation_is_settled`, `reconciliation_signed_once`,"
        " `reconciliation_signed_by_two`, `reconciliation_by_two`,"
        " `reconciliation_by_its_signers`, `reconciliation_is_frozen`,"
        " `reconciliation_facts_stay`, `reconciliation_name_stays`, `signed_reconciliation_stays`,"
        " `reconciliations_stay`",
        "a signature while a line is open, that replaces another signature, or of a person who is"
        " not signed in or may not sign; two signatures of one person; a change of frozen or"
        " signed data, or of the contents of the file",
    ),
    TableRule(
        "trigger `frozen_is_registered`",
        "nothing. The trigger records the digest of the signed data, for the audit",
    ),
)
register(
    "reconciliation_lines",
    TableRule(
        "`lines_one_at_a_time`, `line_of_signed_stays`, `lines_of_signed_complete`,"
        " `reconciliation_line_stays`, `reconciliation_texts_stay`, `reconciliation_lines_stay`",
        "a change of a line of the file or of a signed line; adding or removing a signed line",
    ),
)
register(
    "reconciliation_matches",
    TableRule(
        "triggers `matches_fit`, `unmatched_while_open`, whose errors contain these names:"
        " `matched_one_at_a_time`, `match_of_the_books`, `match_within_line`,"
        " `match_within_payment`, `match_is_positive`, `match_stays`, `no_match_of_signed`,"
        " `match_of_signed_stays`, `reconciliation_matches_stay`",
        "a match with a payment of another account, currency or direction, with a hold, or larger"
        " than the line or the payment; a change of a match, or of signed data",
    ),
)
