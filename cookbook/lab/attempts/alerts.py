"""Attempts to break the rules of alerts, of people's choices of alerts, and of times for emails."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, UNIQUE, Attempt, ValidRow

TAKEN = "'019e0000-0000-7000-8000-000000000000'"
NOBODY = "gen_random_uuid()"
CHOICE = ValidRow(
    "alert_choices",
    "a choice of alerts",
    {
        "id": "gen_random_uuid()",
        "owner_id": "person.id",
        "kind": "'balance_below'",
        "account_id": "ana.id",
        "amount": "100",
        "mail": "'off'",
        "created_at": "now()",
    },
    ("person", "ana"),
    nullable=frozenset({"account_id", "amount"}),
)
ALERT = ValidRow(
    "alerts",
    "an alert",
    {
        "id": "gen_random_uuid()",
        "owner_id": "ana.user_id",
        "account_id": "ana.id",
        "kind": "'money_out'",
        "about": "paid.id",
        "day": "NULL",
        "amount": "50",
        "balance": "1000",
        "detail": "''",
        "created_at": "now()",
        "read_at": "NULL",
        "mail": "'off'",
        "mail_id": "NULL",
        "mail_claim_ends": "NULL",
        "mail_attempts": "0",
        "mailed_at": "NULL",
    },
    ("ana", "paid"),
    nullable=frozenset(
        {
            "account_id",
            "day",
            "amount",
            "balance",
            "read_at",
            "mail_id",
            "mail_claim_ends",
            "mailed_at",
        }
    ),
)
TIMES = ValidRow(
    "alert_times",
    "times of mails",
    {
        "owner_id": "colleague.id",
        "quiet_from": "'22:00'",
        "quiet_until": "'07:00'",
        "daily_at": "'08:00'",
    },
    ("colleague",),
    nullable=frozenset({"quiet_from", "quiet_until"}),
)
ROWS = (CHOICE, ALERT, TIMES)
ATTEMPTS: list[Attempt] = [
    CHOICE.attempt(
        "alert_choice_kind_valid",
        "Choose an alert that does not exist",
        kind="'rain'",
        account_id="NULL",
        amount="NULL",
    ),
    CHOICE.attempt("alert_choice_mail_valid", "Choose a mail every hour", mail="'hourly'"),
    CHOICE.attempt(
        "alert_choice_complete", "Choose a low balance without an account", account_id="NULL"
    ),
    CHOICE.but("twice").attempt(
        "alert_choices_pkey", "Insert a choice with an id that is taken", UNIQUE, id=TAKEN
    ),
    CHOICE.attempt(
        "alert_choices_owner_id_3c05bccd_fk_users_id",
        "Insert a choice of an unknown user",
        FOREIGN_KEY,
        owner_id=NOBODY,
    ),
    CHOICE.attempt(
        "alert_choices_account_id_110c8147_fk_accounts_id",
        "Choose alerts of an unknown account",
        FOREIGN_KEY,
        account_id=NOBODY,
    ),
    *CHOICE.left_out(),
    ALERT.but("twice").attempt(
        "alerts_pkey", "Insert an alert with an id that is taken", UNIQUE, id=TAKEN
    ),
    *ALERT.left_out(),
    TIMES.attempt("alert_times_quiet", "Begin quiet hours without an end", quiet_until="NULL"),
    TIMES.but("twice").attempt("alert_times_pkey", "Insert two times of a person", UNIQUE),
    TIMES.attempt(
        "alert_times_owner_id_6fa5bab4_fk_users_id",
        "Insert times of an unknown user",
        FOREIGN_KEY,
        owner_id=NOBODY,
    ),
    *TIMES.left_out(),
]
