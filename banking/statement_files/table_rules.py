"""Registers the descriptions of the rules that the database enforces in the table of monthly
statements.
"""

from ledger.db.table_rules import TableRule, register

register(
    "monthly_statements",
    TableRule(
        "`statement_sums_up`, `statement_period_valid`, `statement_number_unique`,"
        " `statement_digest_is_sha256`",
        "a closing balance that does not follow from the opening balance; a period that ends"
        " before it begins; a month that is not stored as its first day; the same number twice",
    ),
    TableRule(
        "trigger `statement_follows`",
        "a gap in the numbers or periods of an account; a month that seals do not cover (also:"
        " `statement_is_sealed`); a period that begins or ends more than 14 hours before or after"
        " its month in UTC (`statement_is_of_its_month`); balances, sums or a number of entries"
        " that differ from the books (`statement_of_the_books`); a first statement that begins"
        " after the first entry (`statement_is_the_first`)",
    ),
    TableRule(
        "triggers `statement_stays`, `statements_stay`",
        "changing or deleting an issued statement",
    ),
)
