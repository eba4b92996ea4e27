"""Attempts to break the rules of attachments."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

ATTACHMENT = ValidRow(
    "attachments",
    "an attachment",
    {
        "id": "gen_random_uuid()",
        "transaction_id": "paid.id",
        "owner_id": "person.id",
        "name": "'receipt'",
        "kind": "'picture'",
        "size": "3",
        "content": "'\\x010203'::bytea",
        "created_at": "now()",
    },
    ("ana", "paid", "person"),
    nullable=frozenset({"content"}),
)
_OWNER = "The trigger first looks for an account of the owner in the transaction, and finds none."

ROWS = (ATTACHMENT,)
ATTEMPTS: list[Attempt] = [
    ATTACHMENT.attempt(
        "attachment_kind_valid",
        "Insert an attachment of an unknown kind",
        kind="'page'",
    ),
    ATTACHMENT.attempt(
        "attachment_size_valid",
        "Insert an attachment of more than 5 MB",
        size="5242881",
        content="NULL",
    ),
    ATTACHMENT.attempt(
        "attachment_content_whole",
        "Insert an attachment with half of its content",
        content="'\\x01'::bytea",
    ),
    ATTACHMENT.but("mara").attempt(
        "attachment_of_own_side",
        "Attach a receipt to a payment of others",
        owner_id="mara.user_id",
    ),
    ATTACHMENT.but("twice").attempt(
        "attachments_pkey",
        "Insert an attachment with an id that is taken",
        UNIQUE,
        id="'019e0000-0000-7000-8000-000000000000'",
    ),
    ATTACHMENT.attempt(
        "attachments_transaction_id_944c09b3_fk_transactions_id",
        "Attach a receipt to an unknown transaction",
        FOREIGN_KEY,
        transaction_id="gen_random_uuid()",
    ).checked_after("attachment_of_own_side", _OWNER),
    ATTACHMENT.attempt(
        "attachments_owner_id_e7604fff_fk_users_id",
        "Attach a receipt as an unknown user",
        FOREIGN_KEY,
        owner_id="gen_random_uuid()",
    ).checked_after("attachment_of_own_side", _OWNER),
    *(
        attempt.checked_after("attachment_of_own_side", _OWNER)
        if attempt.rule in ("transaction_id", "owner_id")
        else attempt
        for attempt in ATTACHMENT.left_out()
    ),
]
