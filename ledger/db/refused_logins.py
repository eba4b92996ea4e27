"""Commands that were run with the login of web processes: what to tell whoever ran them."""

from django.db import DatabaseError, connection

from ledger.db.retry import sqlstate

NO_RIGHT = "42501"
BY_TRIGGER = frozenset({"superuser_by_command"})  # rules that stop the web role alone
SENTENCE = (
    "The login {login} may not do this{why}. Run commands with the login of the owner of the tables"
    " in DATABASE_URL or DB_USER; that of the web role is for web processes alone (docs/rights.md)."
)


def sentence_for(error: DatabaseError) -> str | None:
    """The sentence for a statement that this login has no right to; None for other errors."""
    cause = error.__cause__
    rule = getattr(getattr(cause, "diag", None), "constraint_name", None)
    if rule in BY_TRIGGER:
        return not_by_this_login()
    if sqlstate(error) != NO_RIGHT:
        return None
    return not_by_this_login(f": {str(cause).partition(chr(10))[0]}")


def not_by_this_login(why: str = "") -> str:
    """The sentence, with what the server said."""
    return SENTENCE.format(login=connection.settings_dict["USER"] or "of the settings", why=why)
