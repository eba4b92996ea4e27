"""Attempts to break the rules of accounts at other banks and of the data imported into them."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

TAKEN = "'019e0000-0000-7000-8000-000000000000'"
THEIRS = "'019e0000-0000-7000-8000-000000000001'"
NOBODY = "gen_random_uuid()"
ACCOUNT = ValidRow(
    "outside_accounts",
    "an outside account",
    {
        "id": "gen_random_uuid()",
        "owner_id": "person.id",
        "name": "'Other bank'",
        "currency": "'EUR'",
        "opening": "0",
        "created_at": "now()",
    },
    ("person",),
)
AN_ACCOUNT = ACCOUNT.but(id=THEIRS).insert
IMPORT = ValidRow(
    "outside_imports",
    "an import",
    {
        "id": "gen_random_uuid()",
        "account_id": THEIRS,
        "name": "'november.csv'",
        "format": "'csv'",
        "digest": "''",
        "heading": "''",
        "mapping": "NULL",
        "state": "'preview'",
        "line_count": "2",
        "read_count": "2",
        "unbooked_count": "0",
        "double_count": "0",
        "entry_count": "0",
        "first_on": "'2026-11-01'",
        "last_on": "'2026-11-30'",
        "is_newest_first": "false",
        "opening": "NULL",
        "closing": "NULL",
        "closing_on": "NULL",
        "opening_before": "NULL",
        "created_at": "now()",
        "imported_at": "NULL",
        "undone_at": "NULL",
    },
    nullable=frozenset(
        (
            "mapping first_on last_on opening closing closing_on opening_before imported_at"
            " undone_at"
        ).split()
    ),
    given=(AN_ACCOUNT,),
)
AN_IMPORT = IMPORT.but(id=THEIRS).insert
PART = ValidRow(
    "outside_file_parts",
    "a part of a file",
    {"id": "gen_random_uuid()", "source_id": THEIRS, "number": "0", "body": "''"},
    given=(AN_ACCOUNT, AN_IMPORT),
)
ENTRY = ValidRow(
    "outside_entries",
    "an outside entry",
    {
        "id": "gen_random_uuid()",
        "account_id": THEIRS,
        "source_id": THEIRS,
        "number": "2",
        "position": "2",
        "booked_on": "'2026-11-02'",
        "amount": "-5",
        "description": "''",
        "other": "''",
        "reference": "''",
        "outside_id": "''",
        "fingerprint": "gen_random_uuid()",
        "is_double": "false",
        "is_entered": "true",
    },
    given=(AN_ACCOUNT, AN_IMPORT),
)
ROWS = (ACCOUNT, IMPORT, PART, ENTRY)
ATTEMPTS: list[Attempt] = [
    ACCOUNT.attempt("outside_account_named", "Open an outside account without a name", name="''"),
    ACCOUNT.but("twice").attempt(
        "outside_accounts_pkey",
        "Open an outside account with an id that is taken",
        UNIQUE,
        id=TAKEN,
    ),
    ACCOUNT.attempt(
        "outside_accounts_owner_id_1620eff2_fk_users_id",
        "Open an outside account of an unknown user",
        FOREIGN_KEY,
        owner_id=NOBODY,
    ),
    *ACCOUNT.left_out(),
    IMPORT.attempt("outside_import_state_valid", "Insert a lost import", state="'lost'"),
    IMPORT.attempt("outside_import_format_valid", "Import a spreadsheet", format="'xlsx'"),
    *(
        IMPORT.attempt(
            f"outside_imports_{column}_check",
            f"Count fewer than no {what} of an import",
            **{column: "-1"},
        )
        for column, what in (
            ("line_count", "lines"),
            ("read_count", "lines that were read"),
            ("unbooked_count", "lines that are not booked"),
            ("double_count", "doubles"),
            ("entry_count", "entries"),
        )
    ),
    IMPORT.but("twice").attempt(
        "outside_imports_pkey", "Insert an import with an id that is taken", UNIQUE, id=TAKEN
    ),
    IMPORT.attempt(
        "outside_imports_account_id_b579c185_fk_outside_accounts_id",
        "Import into an unknown outside account",
        FOREIGN_KEY,
        account_id=NOBODY,
    ),
    *IMPORT.left_out(),
    PART.attempt("outside_file_parts_number_check", "Insert a part before the first", number="-1"),
    PART.but("twice").attempt(
        "outside_file_parts_pkey", "Insert a part with an id that is taken", UNIQUE, id=TAKEN
    ),
    PART.attempt(
        "outside_file_parts_source_id_4fbc27ab_fk_outside_imports_id",
        "Insert a part of an unknown file",
        FOREIGN_KEY,
        source_id=NOBODY,
    ),
    *PART.left_out(),
    ENTRY.attempt(
        "outside_entries_number_check", "Insert a line before the first of its file", number="-1"
    ),
    ENTRY.but("twice").attempt(
        "outside_entries_pkey", "Insert a line with an id that is taken", UNIQUE, id=TAKEN
    ),
    ENTRY.attempt(
        "outside_entries_account_id_aded3fa9_fk_outside_accounts_id",
        "Insert a line of an unknown outside account",
        FOREIGN_KEY,
        account_id=NOBODY,
    ),
    ENTRY.attempt(
        "outside_entries_source_id_9545545d_fk_outside_imports_id",
        "Insert a line of an unknown import",
        FOREIGN_KEY,
        source_id=NOBODY,
    ),
    *ENTRY.left_out(),
]
