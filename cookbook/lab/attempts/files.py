"""Attempts to break the rules of payment files, their lines, and the daily counts of wrong
names.
"""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

# The practice bank has no payment files. Each attempt first inserts a file in the same transaction.
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
NAME_COUNT = ValidRow(
    "payment_names_asked",
    "a count of names",
    {
        "id": "gen_random_uuid()",
        "user_id": "person.id",
        "day": "'2026-06-30'",
        "count": "20",
        "numbers": "3",
    },
    ("person",),
)
ROWS = (FILE, LINE, NAME_COUNT)


def _after(row: ValidRow, rule: str, title: str, **changed: str) -> Attempt:
    """Returns an attempt that inserts the row twice: unchanged, and then with the values in
    `changed`. The second row is refused.
    """
    sql = row.but(**changed).insert
    return Attempt(row.table, rule, title, sql, UNIQUE, given=(*row.given, row.insert))


_SAME_ID = "'019e0000-0000-7000-8000-000000000000'"

_FILES: list[Attempt] = [
    _after(FILE, "payment_file_once_a_run", "Insert the same payment file twice in one run"),
    FILE.attempt(
        "payment_file_state_valid", "Insert a payment file with an unknown state", state="'trusted'"
    ),
    FILE.attempt(
        "payment_file_counts_add_up", "Set more booked lines than the file has", booked_count="3"
    ),
    FILE.attempt(
        "payment_files_line_count_check",
        "Set a negative line count",
        line_count="-1",
        refused_count="-1",
    ),
    *(
        FILE.attempt(
            f"payment_files_{counted}_count_check",
            f"Set a negative count of {counted} lines",
            **{f"{counted}_count": "-1"},
        )
        for counted in ("booked", "refused", "repeated", "misnamed")
    ),
    FILE.but("twice").attempt(
        "payment_files_pkey",
        "Insert a payment file with an id that is taken",
        UNIQUE,
        id=_SAME_ID,
        run="NULL",
    ),
    FILE.attempt(
        "payment_files_from_account_id_ea6cdaf0_fk_accounts_id",
        "Insert a payment file of an unknown account",
        FOREIGN_KEY,
        from_account_id="gen_random_uuid()",
    ),
    FILE.attempt(
        "payment_files_created_by_id_1e1efb56_fk_users_id",
        "Insert a payment file by an unknown user",
        FOREIGN_KEY,
        created_by_id="gen_random_uuid()",
    ),
    *FILE.left_out(),
]
_LINES: list[Attempt] = [
    _after(LINE, "payment_line_once", "Insert two lines with the same number"),
    LINE.attempt(
        "name_check_valid",
        "Insert a line with an unknown result of the name check",
        name_check="'any'",
    ),
    LINE.attempt(
        "booked_line_has_no_refusal",
        "Insert a line that is both booked and refused",
        booked="true",
        verdict="'The account is closed.'",
    ),
    LINE.attempt(
        "unread_line_is_refused", "Insert an unreadable line without a refusal", amount="NULL"
    ),
    LINE.attempt("payment_lines_number_check", "Insert a line with number -1", number="-1"),
    LINE.attempt("payment_lines_repeats_check", "Insert a line that repeats line -1", repeats="-1"),
    LINE.but("twice").attempt(
        "payment_lines_pkey",
        "Insert a line with an id that is taken",
        UNIQUE,
        id=_SAME_ID,
        number="generate_series",
    ),
    LINE.attempt(
        "payment_lines_file_id_c753592d_fk_payment_files_id",
        "Insert a line of an unknown file",
        FOREIGN_KEY,
        file_id="gen_random_uuid()",
    ),
    LINE.attempt(
        "payment_lines_to_account_id_5d934a12_fk_accounts_id",
        "Insert a line to an unknown account",
        FOREIGN_KEY,
        to_account_id="gen_random_uuid()",
    ),
    *LINE.left_out(),
]
_NAMES: list[Attempt] = [
    _after(
        NAME_COUNT,
        "names_asked_once_a_day",
        "Insert a second count of wrong names for the same day",
        count="0",
    ),
    NAME_COUNT.attempt(
        "payment_names_asked_count_check", "Set a negative count of wrong names", count="-1000"
    ),
    NAME_COUNT.attempt(
        "payment_names_asked_numbers_check",
        "Set a negative count of wrong numbers",
        numbers="-100",
    ),
    NAME_COUNT.but("twice").attempt(
        "payment_names_asked_pkey",
        "Insert a count with an id that is taken",
        UNIQUE,
        id=_SAME_ID,
        day="DATE '2026-06-30' + generate_series",
    ),
    NAME_COUNT.attempt(
        "payment_names_asked_user_id_36ba11c2_fk_users_id",
        "Insert a count for an unknown user",
        FOREIGN_KEY,
        user_id="gen_random_uuid()",
    ),
    *NAME_COUNT.left_out(),
]
ATTEMPTS: list[Attempt] = [*_FILES, *_LINES, *_NAMES]
