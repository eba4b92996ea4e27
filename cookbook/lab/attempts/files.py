"""Attempts on files of payments, their lines, and the count of names that were asked."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

# The practice bank has no files of payments; they are made first, in the same transaction.
FILE = ValidRow(
    "payment_files",
    "a file",
    {
        "id": "gen_random_uuid()",
        "from_account_id": "ana.id",
        "name": "'salaries.csv'",
        "digest": "repeat('a', 64)",
        "run": "'June'",
        "state": "'checked'",
        "line_count": "2",
        "total": "100",
        "booked_count": "0",
        "booked_total": "0",
        "refused_count": "0",
        "refused_total": "0",
        "repeated_count": "0",
        "misnamed_count": "0",
        "created_by_id": "NULL",
        "created_at": "clock_timestamp()",
        "finished_at": "NULL",
    },
    ("ana",),
    nullable=frozenset({"run", "created_by_id", "finished_at"}),
)
LINE = ValidRow(
    "payment_lines",
    "a line",
    {
        "id": "gen_random_uuid()",
        "file_id": "file.id",
        "number": "2",
        "typed_to": "mara.number",
        "typed_amount": "'100'",
        "typed_name": "'Mara Lindt'",
        "name_check": "'match'",
        "repeats": "NULL",
        "description": "'Salary'",
        "reference": "''",
        "to_account_id": "mara.id",
        "amount": "100",
        "booked": "false",
        "verdict": "''",
    },
    ("file", "mara"),
    nullable=frozenset({"repeats", "to_account_id", "amount"}),
    given=(FILE.insert,),
)
ASKED = ValidRow(
    "payment_names_asked",
    "a count of names",
    {"id": "gen_random_uuid()", "user_id": "person.id", "day": "'2026-06-30'", "count": "20"},
    ("person",),
)
ROWS = (FILE, LINE, ASKED)


def _after(row: ValidRow, rule: str, wants: str, **changed: str) -> Attempt:
    """To insert a row again that is there already, with these values."""
    sql = row.but(**changed).insert
    return Attempt(row.table, rule, wants, sql, UNIQUE, given=(*row.given, row.insert))


_SAME_ID = "'019e0000-0000-7000-8000-000000000000'"

_FILES: list[Attempt] = [
    _after(FILE, "payment_file_once_a_run", "Have the salaries of June paid twice"),
    FILE.attempt("payment_file_state_valid", "Have a file paid unseen", state="'trusted'"),
    FILE.attempt(
        "payment_file_counts_add_up", "Have more lines paid than there are", booked_count="3"
    ),
    FILE.attempt(
        "payment_files_line_count_check",
        "Have a file with less than no lines",
        line_count="-1",
        refused_count="-1",
    ),
    *(
        FILE.attempt(
            f"payment_files_{counted}_count_check",
            f"Have less than no lines {counted}",
            **{f"{counted}_count": "-1"},
        )
        for counted in ("booked", "refused", "repeated", "misnamed")
    ),
    FILE.but("twice").attempt(
        "payment_files_pkey", "Put one file in place of another", UNIQUE, id=_SAME_ID, run="NULL"
    ),
    FILE.attempt(
        "payment_files_from_account_id_ea6cdaf0_fk_accounts_id",
        "Have a file paid by an account that does not exist",
        FOREIGN_KEY,
        from_account_id="gen_random_uuid()",
    ),
    FILE.attempt(
        "payment_files_created_by_id_1e1efb56_fk_users_id",
        "Bring a file as nobody",
        FOREIGN_KEY,
        created_by_id="gen_random_uuid()",
    ),
    *FILE.left_out(),
]
_LINES: list[Attempt] = [
    _after(LINE, "payment_line_once", "Be in the file twice under one number"),
    LINE.attempt("name_check_valid", "Say that any name will do", name_check="'any'"),
    LINE.attempt(
        "booked_line_has_no_refusal",
        "Be refused, and paid all the same",
        booked="true",
        verdict="'The account is closed.'",
    ),
    LINE.attempt(
        "unread_line_is_refused", "Be paid an amount that nobody could read", amount="NULL"
    ),
    LINE.attempt("payment_lines_number_check", "Stand before the first line", number="-1"),
    LINE.attempt("payment_lines_repeats_check", "Repeat a line before the first", repeats="-1"),
    LINE.but("twice").attempt(
        "payment_lines_pkey",
        "Have two lines share one payment",
        UNIQUE,
        id=_SAME_ID,
        number="generate_series",
    ),
    LINE.attempt(
        "payment_lines_file_id_c753592d_fk_payment_files_id",
        "Have a line paid that is in no file",
        FOREIGN_KEY,
        file_id="gen_random_uuid()",
    ),
    LINE.attempt(
        "payment_lines_to_account_id_5d934a12_fk_accounts_id",
        "Have an account paid that does not exist",
        FOREIGN_KEY,
        to_account_id="gen_random_uuid()",
    ),
    *LINE.left_out(),
]
_NAMES: list[Attempt] = [
    _after(ASKED, "names_asked_once_a_day", "Begin a second count of wrong guesses", count="0"),
    ASKED.attempt("payment_names_asked_count_check", "Have guesses in store", count="-1000"),
    ASKED.but("twice").attempt(
        "payment_names_asked_pkey",
        "Put one count in place of another",
        UNIQUE,
        id=_SAME_ID,
        day="DATE '2026-06-30' + generate_series",
    ),
    ASKED.attempt(
        "payment_names_asked_user_id_36ba11c2_fk_users_id",
        "Have guesses counted for nobody",
        FOREIGN_KEY,
        user_id="gen_random_uuid()",
    ),
    *ASKED.left_out(),
]
ATTEMPTS: list[Attempt] = [*_FILES, *_LINES, *_NAMES]
