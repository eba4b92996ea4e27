"""Attempts to break the rules of the numbered account statements."""

from dataclasses import replace

from cookbook.lab.attempts.attempt import FOREIGN_KEY, NOT_NULL, UNIQUE, Attempt, ValidRow, stay
from cookbook.lab.attempts.seals import SEAL

STATEMENT = ValidRow(
    "monthly_statements",
    "a statement",
    {
        "id": "gen_random_uuid()",
        "account_id": "ana.id",
        "number": "1",
        "month": "'2019-11-01'",  # a month before the first entry
        "starts_at": "'2019-11-01 00:00:00+00'",
        "ends_at": "'2019-12-01 00:00:00+00'",
        "time_zone": "'UTC'",
        "opening": "0",
        "money_in": "0",
        "money_out": "0",
        "closing": "0",
        "entry_count": "0",
        "holder": "'Ana'",
        "account_name": "'Everyday'",
        "names": "'{}'",
        "seal_id": "1",
        "version": "1",
        "digest": "sha256('November')",
        "issued_at": "now()",
    },
    ("ana",),
    given=(SEAL.insert,),
)
NEXT = replace(
    STATEMENT.but(
        number="2",
        month="'2019-12-01'",
        starts_at="'2019-12-01 00:00:00+00'",
        ends_at="'2020-01-01 00:00:00+00'",
        digest="sha256('December')",
    ),
    also=(),
    given=(SEAL.insert, STATEMENT.insert),
)
ROWS = (STATEMENT,)
NOBODY = "gen_random_uuid()"
TAKEN = "'019e0000-0000-7000-8000-000000000000'"
_FOLLOWS = "The trigger accepts only the next statement of an account."
_BOOKS = "The trigger accepts only the amounts in the books, which add up."
_MONTH = "The trigger accepts only the period of the month."
_SEALED = "The trigger accepts a statement only of a period that its seal covers."
ATTEMPTS: list[Attempt] = [
    NEXT.attempt("statement_follows", "Leave out a number between two statements", number="3"),
    STATEMENT.attempt(
        "statement_is_sealed",
        "Issue a statement of a month that is not sealed",
        ends_at="'2026-08-01 00:00:00+00'",
    ),
    STATEMENT.attempt(
        "statement_of_the_books",
        "Issue a statement of money that never came",
        money_in="9999",
        closing="9999",
        entry_count="1",
    ),
    STATEMENT.attempt(
        "statement_is_the_first",
        "Issue a first statement after the first entry",
        month="'2026-06-01'",
        starts_at="'2026-06-01 00:00:00+00'",
        ends_at="'2026-07-01 00:00:00+00'",
    ),
    STATEMENT.attempt(
        "statement_sums_up", "Issue a statement that does not sum up", closing="0.01"
    ).checked_after("statement_of_the_books", _BOOKS),
    STATEMENT.attempt(
        "statement_is_of_its_month",
        "Issue a statement of half a month",
        ends_at="'2019-11-15 00:00:00+00'",
    ),
    STATEMENT.attempt(
        "statement_period_valid",
        "Issue a statement of a month that begins on the 15th",
        month="'2019-11-15'",
    ).checked_after("statement_is_of_its_month", _MONTH),
    STATEMENT.attempt(
        "statement_digest_is_sha256", "Issue a statement with a short digest", digest="'short'"
    ),
    STATEMENT.attempt(
        "monthly_statements_entry_count_check",
        "Issue a statement of -1 entries",
        entry_count="-1",
    ).checked_after("statement_of_the_books", _BOOKS),
    STATEMENT.attempt(
        "monthly_statements_version_check", "Issue a statement of version -1", version="-1"
    ),
    STATEMENT.attempt(
        "monthly_statements_number_check", "Issue a statement of number -1", number="-1"
    ).checked_after("statement_follows", _FOLLOWS),
    NEXT.attempt(
        "statement_number_unique", "Issue the same number twice", UNIQUE, number="1"
    ).checked_after("statement_follows", _FOLLOWS),
    replace(NEXT, given=(SEAL.insert, STATEMENT.but(id=TAKEN).insert)).attempt(
        "monthly_statements_pkey", "Issue a statement with an id that is taken", UNIQUE, id=TAKEN
    ),
    STATEMENT.attempt(
        "monthly_statements_account_id_bf142b18_fk_accounts_id",
        "Issue a statement of an unknown account",
        FOREIGN_KEY,
        account_id=NOBODY,
    ),
    STATEMENT.attempt(
        "monthly_statements_seal_id_35f02d96_fk_seals_number",
        "Issue a statement with an unknown seal",
        FOREIGN_KEY,
        seal_id="99",
    ).checked_after("statement_is_sealed", _SEALED),
    *stay(
        "statement_stays",
        "statements_stay",
        "monthly_statements",
        "UPDATE monthly_statements SET names = '{}'",
        (SEAL.insert, STATEMENT.insert),
    ),
    *STATEMENT.left_out(besides=("ends_at", "seal_id")),
    *(
        replace(attempt, state=NOT_NULL).checked_after("statement_is_sealed", _SEALED)
        for attempt in STATEMENT.left_out()
        if attempt.rule in ("ends_at", "seal_id")
    ),
]
