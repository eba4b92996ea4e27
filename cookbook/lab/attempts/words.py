"""Attempts to break the rules of texts about transactions.

These texts are the reasons of staff and the annotations of account owners.
"""

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

NOTE = ValidRow(
    "transaction_notes",
    "a note",
    {
        "id": "gen_random_uuid()",
        "transaction_id": "paid.id",
        "action": "'refund'",
        "reason": "'Paid twice.'",
        "message": "''",
        "written_by_id": "NULL",
        "created_at": "clock_timestamp()",
    },
    ("ana", "paid"),
    nullable=frozenset({"written_by_id"}),
)
ANNOTATION = ValidRow(
    "annotations",
    "an annotation",
    {
        "id": "gen_random_uuid()",
        "transaction_id": "paid.id",
        "owner_id": "ana.user_id",
        "text": "'for the tax'",
        "tags": "'{tax}'",
        "created_at": "clock_timestamp()",
    },
    ("ana", "paid"),
)
ROWS = (NOTE, ANNOTATION)

_OWNER = "The trigger first looks for an account of the owner in the transaction, and finds none."

ATTEMPTS: list[Attempt] = [
    NOTE.attempt(
        "note_action_valid", "Insert a staff reason with an unknown action", action="'gift'"
    ),
    Attempt(
        "transaction_notes",
        "note_once_per_transaction_and_action",
        "Insert a second reason for the same action",
        NOTE.but(reason="'Another reason.'").insert,
        UNIQUE,
        given=(NOTE.insert,),
    ),
    NOTE.attempt(
        "transaction_notes_pkey",
        "Insert a reason with an id that is taken",
        UNIQUE,
        id="(SELECT id FROM transaction_notes LIMIT 1)",
    ),
    NOTE.attempt(
        "transaction_notes_transaction_id_dfcedd0f_fk_transactions_id",
        "Insert a reason for an unknown transaction",
        FOREIGN_KEY,
        transaction_id="gen_random_uuid()",
    ),
    NOTE.attempt(
        "transaction_notes_written_by_id_cc51338a_fk_users_id",
        "Insert a reason by an unknown user",
        FOREIGN_KEY,
        written_by_id="gen_random_uuid()",
    ),
    Attempt(
        "transaction_notes",
        "note_by_its_author",
        "Insert a reason in the name of somebody else",
        NOTE.but(written_by_id="ana.user_id").insert,
        CHECK,
        (KEY,),
    ),
    *stay(
        "note_stays",
        "notes_stay",
        "transaction_notes",
        "UPDATE transaction_notes SET reason = 'As agreed.'",
    ),
    *NOTE.left_out(),
    ANNOTATION.but("mara").attempt(
        "annotation_of_own_side",
        "Annotate a transaction of somebody else",
        owner_id="mara.user_id",
    ),
    ANNOTATION.attempt(
        "annotation_tags_valid", "Insert a tag with markup characters", tags="'{\"<script>\"}'"
    ),
    ANNOTATION.attempt(
        "annotation_time_finite",
        "Insert an annotation with an infinite time",
        created_at="'infinity'",
    ),
    ANNOTATION.but("twice").attempt(
        "annotation_moments_differ",
        "Insert two annotations with the same time",
        UNIQUE,
        created_at="'2026-07-01 12:00:00+00'",
    ),
    ANNOTATION.attempt(
        "annotations_pkey",
        "Insert an annotation with an id that is taken",
        UNIQUE,
        id="(SELECT id FROM annotations LIMIT 1)",
    ),
    ANNOTATION.attempt(
        "annotations_transaction_id_fe483883_fk_transactions_id",
        "Annotate an unknown transaction",
        FOREIGN_KEY,
        transaction_id="gen_random_uuid()",
    ).checked_after("annotation_of_own_side", _OWNER),
    ANNOTATION.attempt(
        "annotations_owner_id_e77a417d_fk_users_id",
        "Annotate as an unknown user",
        FOREIGN_KEY,
        owner_id="gen_random_uuid()",
    ).checked_after("annotation_of_own_side", _OWNER),
    *stay(
        "annotation_stays",
        "annotations_stay",
        "annotations",
        "DELETE FROM annotations WHERE text <> ''",
    ),
    *(
        attempt.checked_after("annotation_of_own_side", _OWNER)
        if attempt.rule in ("transaction_id", "owner_id") and attempt.state == NOT_NULL
        else attempt
        for attempt in ANNOTATION.left_out()
    ),
]
