"""Attempts to break the rules of access tokens."""

from cookbook.lab.attempts.attempt import CHECK, FOREIGN_KEY, KEY, UNIQUE, Attempt, ValidRow

TOKEN = ValidRow(
    "api_tokens",
    "an access token",
    {
        "id": "'00000000-0000-7000-8000-000000000000'",
        "user_id": "person.id",
        "name": "'Home budget'",
        "prefix": "'0aZ0aZ0a'",
        "hash": "encode(sha256('token'), 'hex')",
        "scopes": "'{read}'",
        "per_payment": "NULL",
        "per_day": "NULL",
        "currency": "''",
        "second_factor": "false",
        "expires_at": "NULL",
        "created_at": "clock_timestamp()",
        "last_used_at": "NULL",
        "last_used_from": "''",
        "revoked_at": "NULL",
        "revoked_by_id": "NULL",
        "reason": "''",
    },
    ("person",),
    nullable=frozenset(
        {
            "per_payment", "per_day", "expires_at", "last_used_at", "revoked_at", "revoked_by_id",
        }
    ),
)  # fmt: skip
ROWS = (TOKEN,)
OTHER_ID = "gen_random_uuid()"


def _afterwards(rule: str, title: str, sql: str) -> Attempt:
    """Returns an attempt to change or delete the valid token after the token was inserted."""
    return Attempt("api_tokens", rule, title, sql, given=(TOKEN.insert,))


ATTEMPTS: list[Attempt] = [
    TOKEN.attempt(
        "api_tokens_user_id_2db24e1c_fk_users_id",
        "Issue a token to an unknown user",
        FOREIGN_KEY,
        user_id=OTHER_ID,
    ),
    TOKEN.attempt(
        "api_tokens_revoked_by_id_6cd385ed_fk_users_id",
        "Insert a token that an unknown user revoked",
        FOREIGN_KEY,
        revoked_at="clock_timestamp()",
        reason="'Lost'",
        revoked_by_id=OTHER_ID,
    ),
    Attempt(
        "api_tokens",
        "api_tokens_pkey",
        "Insert a second row for the same token",
        TOKEN.insert,
        UNIQUE,
        (TOKEN.insert,),
    ),
    TOKEN.attempt(
        "api_token_scopes_known", "Issue a token with an unknown scope", scopes="'{read,root}'"
    ),
    TOKEN.attempt(
        "api_token_text_digested",
        "Store a token instead of its digest",
        hash="'ledger_0aZ0aZ0a_secret'",
    ),
    TOKEN.attempt(
        "api_token_limits_positive",
        "Issue a token with a limit of zero",
        per_day="0",
        currency="'EUR'",
    ),
    TOKEN.attempt(
        "api_token_limits_have_currency",
        "Issue a token with a limit in no currency",
        per_payment="5",
    ),
    TOKEN.attempt(
        "api_token_revoked_with_reason",
        "Insert a revoked token without a reason",
        revoked_at="clock_timestamp()",
    ),
    TOKEN.attempt(
        "api_token_times_finite", "Issue a token until infinity", expires_at="'infinity'"
    ),
    _afterwards(
        "api_token_stays",
        "Add the scope staff to a token",
        "UPDATE api_tokens SET scopes = '{read,staff}'",
    ),
    _afterwards("api_token_ends_first", "Delete a token that works", "DELETE FROM api_tokens"),
    Attempt(
        "api_tokens",
        "api_token_end_is_final",
        "Activate a revoked token again",
        "UPDATE api_tokens SET revoked_at = NULL, reason = ''",
        given=(TOKEN.but(revoked_at="clock_timestamp()", reason="'Lost'").insert,),
    ),
    Attempt(
        "api_tokens",
        "api_token_by_its_owner",
        "Issue a token in the name of somebody else",
        TOKEN.insert,
        CHECK,
        (KEY,),
    ),
    *TOKEN.left_out(),
]
