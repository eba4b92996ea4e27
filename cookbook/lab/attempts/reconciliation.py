"""Attempts to break the rules of reconciliations, their lines, matches and signatures."""

from dataclasses import replace

from cookbook.lab.attempts.attempt import FOREIGN_KEY, KEY, NOT_NULL, UNIQUE, Attempt, ValidRow

TAKEN = "'019e0000-0000-7000-8000-000000000000'"
THEIRS = "'019e0000-0000-7000-8000-000000000001'"
NOBODY = "gen_random_uuid()"
FILE = ValidRow(
    "reconciliations",
    "an outside statement",
    {
        "id": "gen_random_uuid()",
        "account_id": "NULL",
        "name": "'november.csv'",
        "format": "'csv'",
        "digest": "''",
        "currency": "'USD'",
        "first_on": "'2026-11-01'",
        "last_on": "'2026-11-30'",
        "opening": "NULL",
        "closing": "NULL",
        "line_count": "1",
        "unbooked_count": "0",
        "created_by_id": "person.id",
        "created_at": "now()",
        "signed_by_id": "NULL",
        "signed_at": "NULL",
        "countersigned_by_id": "NULL",
        "countersigned_at": "NULL",
    },
    ("person",),
    nullable=frozenset(
        "account_id opening closing signed_by_id signed_at countersigned_by_id"
        " countersigned_at".split()
    ),
)
A_FILE = FILE.but(id=THEIRS).insert
LINE = ValidRow(
    "reconciliation_lines",
    "a line",
    {
        "id": "gen_random_uuid()",
        "reconciliation_id": THEIRS,
        "number": "2",
        "booked_on": "'2026-11-02'",
        "amount": "-1000000",
        "description": "''",
        "other": "''",
        "reference": "''",
        "outside_id": "''",
        "leftover": "''",
    },
    given=(A_FILE,),
)
A_LINE = LINE.but(id=THEIRS).insert
LEFT_OVER = LINE.but(id=THEIRS, leftover="'A fee'").insert
MATCH = ValidRow(
    "reconciliation_matches",
    "a match",
    {
        "id": "gen_random_uuid()",
        "line_id": THEIRS,
        "transaction_id": "paid.id",
        "account_id": "NULL",
        "amount": "1",
        "is_sure": "false",
        "created_by_id": "ana.user_id",
        "created_at": "now()",
    },
    ("ana", "paid"),
    nullable=frozenset(["account_id"]),
    given=(A_FILE, A_LINE),
)
A_MATCH = MATCH.insert
ROWS = (FILE, LINE, MATCH)
OPEN = "The trigger looks for the unsigned reconciliation first."
BOOKED = "The trigger looks for the payment in the books first."
CHANGE = f"UPDATE reconciliations SET {{}} WHERE id = {THEIRS}"  # noqa: S608 - constants
SIGNATURE = "signed_by_id = (SELECT id FROM users ORDER BY id LIMIT 1)"
ONE = CHANGE.format(SIGNATURE)
TWO = CHANGE.format("countersigned_by_id = (SELECT id FROM users ORDER BY id DESC LIMIT 1)")
SIGNED = (A_FILE, LEFT_OVER, ONE)


def _signs(rule: str, title: str, change: str, *given: str) -> Attempt:
    return Attempt("reconciliations", rule, title, CHANGE.format(change), given=given)


ATTEMPTS: list[Attempt] = [
    FILE.attempt("reconciliation_format_valid", "Reconcile a spreadsheet", format="'xlsx'"),
    FILE.attempt(
        "reconciliations_line_count_check", "Reconcile a file of -1 lines", line_count="-1"
    ),
    FILE.attempt(
        "reconciliations_unbooked_count_check",
        "Reconcile a file with -1 lines that are not booked",
        unbooked_count="-1",
    ),
    FILE.attempt(
        "reconciliation_begins_unsigned",
        "Insert an outside statement that is signed already",
        signed_by_id="person.id",
    ),
    *(
        Attempt(row.table, rule, title, row.insert, isolation="REPEATABLE READ")
        for row, rule, title in (
            (FILE, "reconciled_one_at_a_time", "Reconcile in a snapshot that may be old"),
            (LINE, "lines_one_at_a_time", "Insert a line in a snapshot that may be old"),
            (MATCH, "matched_one_at_a_time", "Match in a snapshot that may be old"),
        )
    ),
    _signs(
        "reconciliation_is_settled",
        "Sign while a line is open",
        "signed_by_id = created_by_id",
        A_FILE,
        A_LINE,
    ),
    _signs(
        "reconciliation_by_two",
        "Sign for two people in one statement",
        "signed_by_id = created_by_id, countersigned_by_id = created_by_id",
        A_FILE,
    ),
    _signs(
        "reconciliation_signed_once",
        "Put another name under the first signature",
        "signed_by_id = (SELECT id FROM users ORDER BY id DESC LIMIT 1)",
        *SIGNED,
    ),
    _signs(
        "reconciliation_by_its_signers",
        "Sign in the name of somebody else",
        SIGNATURE,
        A_FILE,
        LEFT_OVER,
        KEY,
    ),
    _signs("reconciliation_name_stays", "Change the name of a file", "name = 'other.csv'", A_FILE),
    _signs("reconciliation_facts_stay", "Change the balance of a file", "closing = 1", A_FILE),
    _signs(
        "reconciliation_is_frozen",
        "Take a signature back once two have signed",
        "countersigned_by_id = NULL",
        *SIGNED,
        TWO,
    ),
    Attempt(
        "reconciliations",
        "signed_reconciliation_stays",
        "Delete a signed reconciliation",
        f"DELETE FROM reconciliations WHERE id = {THEIRS}",  # noqa: S608 - constants
        given=SIGNED,
    ),
    Attempt(
        "reconciliations",
        "reconciliations_stay",
        "Truncate reconciliations",
        "TRUNCATE reconciliations CASCADE",
    ),
    FILE.but("twice").attempt(
        "reconciliations_pkey",
        "Insert an outside statement with an id that is taken",
        UNIQUE,
        id=TAKEN,
    ),
    *(
        FILE.attempt(rule, title, FOREIGN_KEY, **{column: NOBODY})
        for rule, column, title in (
            (
                "reconciliations_account_id_c6068c0c_fk_accounts_id",
                "account_id",
                "Reconcile an unknown account",
            ),
            (
                "reconciliations_created_by_id_29a71091_fk_users_id",
                "created_by_id",
                "Upload an outside statement as nobody",
            ),
        )
    ),
    *(
        Attempt(
            "reconciliations",
            rule,
            title,
            CHANGE.format(f"{column} = {NOBODY}"),
            FOREIGN_KEY,
            given,
        )
        for rule, column, title, given in (
            (
                "reconciliations_signed_by_id_19be77bb_fk_users_id",
                "signed_by_id",
                "Sign as nobody",
                (A_FILE, LEFT_OVER),
            ),
            (
                "reconciliations_countersigned_by_id_12f870d1_fk_users_id",
                "countersigned_by_id",
                "Sign as nobody, as the second person",
                SIGNED,
            ),
        )
    ),
    *FILE.left_out(),
    Attempt(
        "reconciliation_lines",
        "reconciliation_line_stays",
        "Change the amount of a line",
        f"UPDATE reconciliation_lines SET amount = 1 WHERE id = {THEIRS}",  # noqa: S608
        given=(A_FILE, A_LINE),
    ),
    Attempt(
        "reconciliation_lines",
        "reconciliation_texts_stay",
        "Change the description of a line",
        f"UPDATE reconciliation_lines SET description = 'A gift' WHERE id = {THEIRS}",  # noqa: S608
        given=(A_FILE, A_LINE),
    ),
    Attempt(
        "reconciliation_lines",
        "reconciliation_lines_stay",
        "Truncate reconciliation_lines",
        "TRUNCATE reconciliation_lines CASCADE",
    ),
    LINE.attempt(
        "reconciliation_lines_number_check", "Insert a line before the first", number="-1"
    ),
    LINE.but("twice").attempt(
        "reconciliation_lines_pkey",
        "Insert a line with an id that is taken twice",
        UNIQUE,
        id=TAKEN,
    ),
    Attempt(
        "reconciliation_lines",
        "line_of_signed_stays",
        "Change a line that is signed",
        f"UPDATE reconciliation_lines SET leftover = 'Theft' WHERE id = {THEIRS}",  # noqa: S608
        given=SIGNED,
    ),
    replace(LINE, given=SIGNED).attempt(
        "lines_of_signed_complete", "Insert a line into what is signed"
    ),
    LINE.attempt(
        "reconciliation_id",
        "Insert a line without its reconciliation",
        NOT_NULL,
        reconciliation_id="NULL",
    ).checked_after("lines_of_signed_complete", OPEN),
    LINE.attempt(
        "reconciliation_lines_reconciliation_id_c1eb1af1_fk_reconcili",
        "Insert a line of an unknown reconciliation",
        FOREIGN_KEY,
        reconciliation_id=NOBODY,
    ).checked_after("lines_of_signed_complete", OPEN),
    *LINE.left_out(("reconciliation_id",)),
    MATCH.attempt("match_is_positive", "Match less than nothing", amount="-1"),
    MATCH.attempt("match_within_line", "Match more than the line has", amount="1000001"),
    MATCH.attempt("match_within_payment", "Match more than the payment has", amount="1000000"),
    MATCH.but("hold").attempt(
        "match_of_the_books", "Match a line with a hold", transaction_id="hold.id"
    ),
    Attempt(
        "reconciliation_matches",
        "match_stays",
        "Change the amount of a match",
        "UPDATE reconciliation_matches SET amount = 2",
        given=(A_FILE, A_LINE, A_MATCH),
    ),
    Attempt(
        "reconciliation_matches",
        "reconciliation_matches_stay",
        "Truncate reconciliation_matches",
        "TRUNCATE reconciliation_matches",
    ),
    MATCH.but("twice").attempt(
        "reconciliation_matches_pkey", "Insert a match with an id that is taken", UNIQUE, id=TAKEN
    ),
    replace(MATCH, given=SIGNED).attempt("no_match_of_signed", "Match a line that is signed"),
    Attempt(
        "reconciliation_matches",
        "match_of_signed_stays",
        "Take back a match that is signed",
        "DELETE FROM reconciliation_matches",
        given=(A_FILE, LEFT_OVER, A_MATCH, ONE),
    ),
    MATCH.attempt(
        "reconciliation_match_line_id_69a2e1ea_fk_reconcili",
        "Match an unknown line",
        FOREIGN_KEY,
        line_id=NOBODY,
    ),
    MATCH.attempt(
        "reconciliation_match_transaction_id_73adf36a_fk_transacti",
        "Match an unknown payment",
        FOREIGN_KEY,
        transaction_id=NOBODY,
    ).checked_after("match_of_the_books", BOOKED),
    MATCH.attempt(
        "reconciliation_matches_account_id_8c179579_fk_accounts_id",
        "Match on an unknown account",
        FOREIGN_KEY,
        account_id=NOBODY,
    ).checked_after("match_of_the_books", BOOKED),
    MATCH.attempt(
        "reconciliation_matches_created_by_id_c5322b7e_fk_users_id",
        "Match as nobody",
        FOREIGN_KEY,
        created_by_id=NOBODY,
    ),
    *MATCH.left_out(),
]
