"""Creates the error message for a command that uses the login of web processes."""

from typing import Any

from django.conf import settings
from django.db import connection

from ledger.db.retry import sqlstate
from ledger.db.rights.registered_tables import hint_for_denied_table

NO_RIGHT = "42501"
# The function in Postgres's source code that raises the error of a trigger.
BY_TRIGGER = "exec_stmt_raise"
NO_RIGHT_MESSAGE = (
    "The login {login} may not do this{why}. Run commands with the login of the owner of the tables"
    " in DATABASE_URL or DB_USER; the web role's login is only for web processes (docs/rights.md)."
)


def message_for_refusal(error: Exception) -> str | None:
    """Returns a message if this login may not run the SQL statement, if a trigger refused the
    statement to the web role, or if no app has registered the table. Otherwise returns None.
    """
    cause: Any = error.__cause__
    if hint := hint_for_denied_table(cause):
        return hint
    is_by_trigger = getattr(getattr(cause, "diag", None), "source_function", None) == BY_TRIGGER
    if sqlstate(error) == NO_RIGHT or (is_by_trigger and is_web_login()):
        return not_by_this_login(f": {str(cause).partition(chr(10))[0].rstrip('.')}")
    return None


def is_web_login() -> bool:
    """Returns whether this process signs in as the web role."""
    login = connection.settings_dict["USER"]
    return settings.LEDGER_ROLE == "web" or login == settings.LEDGER_WEB_ROLE


def not_by_this_login(why: str = "") -> str:
    """Returns the error message for a command that this login may not run. `why` is the message of
    the server.
    """
    return NO_RIGHT_MESSAGE.format(
        login=connection.settings_dict["USER"] or "of the settings", why=why
    )
