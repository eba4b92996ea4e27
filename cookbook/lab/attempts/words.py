"""Attempts on what is said of transactions: by staff in notes, by owners in annotations."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, NOT_NULL, UNIQUE, Attempt, ValidRow, stay

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

_OWNER = "The trigger looks whether the owner has a side of the transaction, and finds none."

ATTEMPTS: list[Attempt] = [
    NOTE.attempt("note_action_valid", "Give a reason for a gift", action="'gift'"),
    Attempt(
        "transaction_notes",
        "note_once_per_transaction_and_action",
        "Give a second reason, after the first was read",
        NOTE.but(reason="'Because I say so.'").insert,
        UNIQUE,
        given=(NOTE.insert,),
    ),
    NOTE.attempt(
        "transaction_notes_pkey",
        "Write over what a colleague said",
        UNIQUE,
        id="(SELECT id FROM transaction_notes LIMIT 1)",
    ),
    NOTE.attempt(
        "transaction_notes_transaction_id_dfcedd0f_fk_transactions_id",
        "Explain a payment that does not exist",
        FOREIGN_KEY,
        transaction_id="gen_random_uuid()",
    ),
    NOTE.attempt(
        "transaction_notes_written_by_id_cc51338a_fk_users_id",
        "Explain a payment as nobody",
        FOREIGN_KEY,
        written_by_id="gen_random_uuid()",
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
        "Write on another's bank statement",
        owner_id="mara.user_id",
    ),
    ANNOTATION.attempt(
        "annotation_tags_valid", "Tag a payment with markup", tags="'{\"<script>\"}'"
    ),
    ANNOTATION.attempt(
        "annotation_time_finite",
        "Have the last word for ever",
        created_at="'infinity'",
    ),
    ANNOTATION.but("twice").attempt(
        "annotation_moments_differ",
        "Say two things at one moment, and let chance choose",
        UNIQUE,
        created_at="'2026-07-01 12:00:00+00'",
    ),
    ANNOTATION.attempt(
        "annotations_pkey",
        "Write over what was noted",
        UNIQUE,
        id="(SELECT id FROM annotations LIMIT 1)",
    ),
    ANNOTATION.attempt(
        "annotations_transaction_id_fe483883_fk_transactions_id",
        "Write on a payment that does not exist",
        FOREIGN_KEY,
        transaction_id="gen_random_uuid()",
    ).stands_behind("annotation_of_own_side", _OWNER),
    ANNOTATION.attempt(
        "annotations_owner_id_e77a417d_fk_users_id",
        "Write on a payment as nobody",
        FOREIGN_KEY,
        owner_id="gen_random_uuid()",
    ).stands_behind("annotation_of_own_side", _OWNER),
    *stay(
        "annotation_stays",
        "annotations_stay",
        "annotations",
        "DELETE FROM annotations WHERE text <> ''",
    ),
    *(
        attempt.stands_behind("annotation_of_own_side", _OWNER)
        if attempt.rule in ("transaction_id", "owner_id") and attempt.state == NOT_NULL
        else attempt
        for attempt in ANNOTATION.left_out()
    ),
]
