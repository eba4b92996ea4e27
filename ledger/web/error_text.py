"""Descriptions of exceptions for logs and error pages, without the values in their messages."""

import re
import traceback
from types import TracebackType

from django.db import Error as DjangoDatabaseError
from django.db.models import ProtectedError, RestrictedError
from psycopg import Error as DatabaseError

# Exceptions of these packages have messages for one user, with amounts and names.
OWN_PACKAGES = frozenset({"accounts", "api", "banking", "cookbook", "transactions"})
# The patterns match only at the beginning of a word, because a search that starts again at each
# letter of a long word takes quadratic time.
# An access token (`accounts.sign_in.token_text`) or part of one. Its prefix may stay.
ACCESS_TOKEN = re.compile(r"(ledger_[0-9A-Za-z]{8}_)[0-9A-Za-z]{20,}")
# A token of an identity provider. Its header contains no personal data, and may stay.
JWT = re.compile(r"(?<![\w-])((?>[\w-]*?\beyJ)[\w-]{8,}\.)[\w-]{8,}\.[\w-]{8,}", re.ASCII)
# A signed text of `django.core.signing`, as in links that work without a sign-in.
SIGNED = re.compile(r"()(?<![\w-])\.?[\w-]+:[0-9A-Za-z]{4,8}:[\w-]{43,}", re.ASCII)
# The whole rest of the line, because a key that was pasted with a blank or a quote after it still
# works without that character.
SECRET_PATH = re.compile(
    r"(/(?:key|confirm-email|mails)/).+?(?= request_id=|$)", re.IGNORECASE | re.MULTILINE
)


def described(error: BaseException) -> str:
    """Returns a one-line description of an exception.

    For a database error, that is the SQLSTATE and the violated rule, because Postgres's message may
    contain the row. For exceptions of OWN_PACKAGES, it is a fixed text.
    """
    if isinstance(error, DatabaseError | DjangoDatabaseError):
        return _described_database_error(error)
    if type(error).__module__.partition(".")[0] in OWN_PACKAGES:
        return "(the message is not logged)"
    return without_secrets(str(error))


def without_secrets(text: str) -> str:
    """Returns the text without keys of links in mails, signed texts and access tokens."""
    for secret in (SECRET_PATH, SIGNED, ACCESS_TOKEN, JWT):
        text = secret.sub(r"\1…", text)
    return text


def formatted(error: BaseException, trace: TracebackType | None) -> str:
    """Returns the traceback in Python's format, with `described` in place of each message."""
    parts = []
    chained = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if chained is not None:
        parts += [formatted(chained, chained.__traceback__), "\n\nwhich led to:\n\n"]
    if trace is not None:
        parts += ["Traceback (most recent call last):\n", *traceback.format_tb(trace)]
    kind = type(error)
    name = kind.__qualname__
    name = name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"
    parts.append(f"{name}: {described(error)}")
    return "".join(parts)


def _described_database_error(error: BaseException) -> str:
    found = error if isinstance(error, DatabaseError) else error.__cause__
    if isinstance(error, ProtectedError | RestrictedError):
        return str(error.args[0])  # a text of Django, with names of models and fields
    if not isinstance(found, DatabaseError):
        return "(no SQLSTATE)"
    facts = [f"SQLSTATE {found.sqlstate}" if found.sqlstate else "(no SQLSTATE)"]
    if found.diag.constraint_name:
        facts.append(f"rule {found.diag.constraint_name}")
    if found.diag.table_name:
        facts.append(f"table {found.diag.table_name}")
    if found.diag.column_name:
        facts.append(f"column {found.diag.column_name}")
    return ", ".join(facts)
