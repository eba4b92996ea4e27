"""Attempts to break the rules of saved payees."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

PAYEE = ValidRow(
    "payees",
    "a payee",
    {
        "id": "gen_random_uuid()",
        "owner_id": "person.id",
        "account_id": "mara.id",
        "name": "'Mara Lindt'",
        "note": "''",
        "name_check": "'match'",
        "created_at": "now()",
    },
    ("person", "mara"),
)
ROWS = (PAYEE,)
ATTEMPTS: list[Attempt] = [
    PAYEE.attempt("payee_has_a_name", "Insert a payee without a name", name="''"),
    PAYEE.attempt(
        "payee_name_check_valid",
        "Insert a payee whose name was compared in an unknown way",
        name_check="'perhaps'",
    ),
    PAYEE.but("twice").attempt(
        "payees_pkey",
        "Insert a payee with an id that is taken",
        UNIQUE,
        id="'019e0000-0000-7000-8000-000000000000'",
    ),
    PAYEE.attempt(
        "payees_owner_id_dd62b724_fk_users_id",
        "Insert a payee of an unknown user",
        FOREIGN_KEY,
        owner_id="gen_random_uuid()",
    ),
    PAYEE.attempt(
        "payees_account_id_387acc76_fk_accounts_id",
        "Insert a payee with an unknown account",
        FOREIGN_KEY,
        account_id="gen_random_uuid()",
    ),
    *PAYEE.left_out(),
]
