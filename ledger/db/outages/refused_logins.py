"""Commands that were run with the login of web processes: what to tell whoever ran them."""

from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from ledger.db.retry import sqlstate

NO_RIGHT = "42501"
BY_TRIGGER = "exec_stmt_raise"  # the function of Postgres that a refusal by a trigger comes from
SENTENCE = (
    "The login {login} may not do this{why}. Run commands with the login of the owner of the tables"
    " in DATABASE_URL or DB_USER; that of the web role is for web processes alone (docs/rights.md)."
)


def sentence_for(error: DatabaseError) -> str | None:
    """The sentence for a statement that this login has no right to, or that a trigger refused to
    the web role, because most of these let the owner do it; None for other errors.
    """
    cause: Any = error.__cause__
    is_by_trigger = getattr(getattr(cause, "diag", None), "source_function", None) == BY_TRIGGER
    if sqlstate(error) == NO_RIGHT or (is_by_trigger and is_web_login()):
        return not_by_this_login(f": {str(cause).partition(chr(10))[0].rstrip('.')}")
    return None


def is_web_login() -> bool:
    """Whether this process signs in as the web role."""
    login = connection.settings_dict["USER"]
    return settings.LEDGER_ROLE == "web" or login == settings.LEDGER_WEB_ROLE


def not_by_this_login(why: str = "") -> str:
    """The sentence, with what the server said."""
    return SENTENCE.format(login=connection.settings_dict["USER"] or "of the settings", why=why)
