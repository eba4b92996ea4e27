"""Attempts to break the rules of the history of changes and of the log of reads."""

from cookbook.lab.attempts.attempt import (
    CHECK,
    FOREIGN_KEY,
    KEY,
    NOT_NULL,
    UNIQUE,
    Attempt,
    ValidRow,
    stay,
)

RECORD = ValidRow(
    "changes",
    "a change",
    {
        "id": "gen_random_uuid()",
        "changed_at": "clock_timestamp()",
        "table_name": "'accounts'",
        "about": "'1'",
        "action": "'update'",
        "before": "'{}'",
        "after": "'{}'",
        "person_id": "NULL",
        "address": "''",
        "path": "''",
        "request": "''",
        "reason": "'Forged.'",
        "role": "'ledger'",
        "session": "''",
    },
    nullable=frozenset({"before", "after", "person_id"}),
)
READ = ValidRow(
    "reads",
    "a read",
    {
        "id": "gen_random_uuid()",
        "read_at": "clock_timestamp()",
        "reader_id": "person.id",
        "page": "''",
        "path": "'/'",
        "query": "''",
        "people": "'{}'",
        "address": "''",
        "request": "''",
    },
    ("person",),
)
ENTRY = ValidRow(
    "row_register",
    "an entry of the register",
    {"table_name": "'reads'", "row_id": "'1'", "registered_at": "clock_timestamp()"},
)
REMOVAL = ValidRow(
    "row_removals",
    "a removal",
    {
        "id": "gen_random_uuid()",
        "table_name": "'reads'",
        "removed_before": "NULL",
        "row_ids": "'{}'",
        "reason": "'At the wish of its owner.'",
        "removed_at": "clock_timestamp()",
    },
    nullable=frozenset({"removed_before"}),
)
REVISION = ValidRow(
    "row_revisions",
    "a revision",
    {
        "number": "-1",  # a rollback would not reset a sequence
        "table_name": "'reads'",
        "row_id": "'1'",
        "digest": "sha256('1')",
        "reason": "'At the wish of its owner.'",
        "revised_at": "clock_timestamp()",
        "role": "'ledger'",
        "session": "''",
    },
)
TAKEN = REMOVAL.but("twice", id="'00000000-0000-7000-8000-000000000001'").insert
ROWS = (RECORD, READ, ENTRY, REMOVAL, REVISION)
SET_BY_TRIGGER = {
    "read_at": "UPDATE reads SET read_at = NULL",
    "role": "UPDATE reads SET (role) = ROW (NULL)",
    "session": "UPDATE reads SET session = NULL",
}

ATTEMPTS: list[Attempt] = [
    RECORD.attempt(
        "changes_person_id_857ef26d_fk_users_id",
        "Record a change by an unknown user",
        FOREIGN_KEY,
        person_id="gen_random_uuid()",
    ),
    RECORD.attempt(
        "changes_pkey",
        "Record a change with an id that is taken",
        UNIQUE,
        id="(SELECT id FROM changes LIMIT 1)",
    ),
    *stay(
        "change_stays",
        "changes_stay",
        "changes",
        "UPDATE changes SET reason = 'At the wish of its owner.'",
    ),
    *RECORD.left_out(),
    READ.attempt(
        "reads_reader_id_def8be8d_fk_users_id",
        "Log a read by an unknown user",
        FOREIGN_KEY,
        reader_id="gen_random_uuid()",
    ),
    Attempt(
        "reads",
        "reads_pkey",
        "Log a second read with the same id",
        READ.but("twice", id="'00000000-0000-7000-8000-000000000000'").insert,
        UNIQUE,
    ),
    *stay("read_stays", "reads_stay", "reads", "UPDATE reads SET people = '{}'", (READ.insert,)),
    Attempt(
        "reads",
        "read_by_its_reader",
        "Log a read in the name of somebody else",
        READ.insert,
        CHECK,
        (KEY,),
    ),
    *READ.left_out(besides=SET_BY_TRIGGER),
    Attempt(
        "row_register",
        "row_register_pkey",
        "Register a row twice",
        ENTRY.insert,
        UNIQUE,
        (ENTRY.insert,),
    ),
    *stay(
        "registered_row_stays",
        "registered_rows_stay",
        "row_register",
        "UPDATE row_register SET row_id = '2'",
        (ENTRY.insert,),
    ),
    *ENTRY.left_out(),
    Attempt(
        "row_removals",
        "row_removals_pkey",
        "Note a removal with an id that is taken",
        TAKEN,
        UNIQUE,
        (TAKEN,),
    ),
    *stay(
        "removal_stays",
        "removals_stay",
        "row_removals",
        "UPDATE row_removals SET table_name = 'changes'",
        (REMOVAL.insert,),
    ),
    *REMOVAL.left_out(),
    Attempt(
        "row_revisions",
        "row_revisions_pkey",
        "Note a revision with a number that is taken",
        REVISION.insert,
        UNIQUE,
        (REVISION.insert,),
    ),
    *stay(
        "revision_stays",
        "revisions_stay",
        "row_revisions",
        "UPDATE row_revisions SET digest = sha256('forged')",
        (REVISION.insert,),
    ),
    *REVISION.left_out(),
    *(
        Attempt(
            "reads",
            column,
            f"Empty the {column.replace('_at', ' time')} of a read",
            empty,
            NOT_NULL,
            (READ.insert,),
        ).checked_after("read_stays", "The trigger sets it on INSERT, and rows cannot change.")
        for column, empty in SET_BY_TRIGGER.items()
    ),
]
