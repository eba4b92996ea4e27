"""What logs and error pages say of an exception: never the values that it was about."""

import re
import traceback
from types import TracebackType

from django.db import Error as DjangoDatabaseError
from django.db.models import ProtectedError, RestrictedError
from psycopg import Error as DatabaseError

# Their messages are sentences for one person, and have amounts and names in them.
OWN_PACKAGES = frozenset({"accounts", "api", "banking", "cookbook", "transactions"})
# Each begins where a word begins, because a search that begins anew at each letter of a long word
# takes quadratic time.
# An access token, as `accounts.sign_in.token_text` writes it, or part of one: its prefix may stay.
ACCESS_TOKEN = re.compile(r"(ledger_[0-9A-Za-z]{8}_)[0-9A-Za-z]{20,}")
# A token of an identity provider: its header says nothing of anybody, and may stay.
JWT = re.compile(r"(?<![\w-])((?>[\w-]*?\beyJ)[\w-]{8,}\.)[\w-]{8,}\.[\w-]{8,}", re.ASCII)
# What `django.core.signing` signed, as in links that need no sign-in: whoever has it may use it.
SIGNED = re.compile(r"()(?<![\w-])\.?[\w-]+:[0-9A-Za-z]{4,8}:[\w-]{43,}", re.ASCII)
# All that follows, because a key that was pasted with a blank or a quote still works without it.
SECRET_PATH = re.compile(
    r"(/(?:key|confirm-email|mails)/).+?(?= request_id=|$)", re.IGNORECASE | re.MULTILINE
)


def described(error: BaseException) -> str:
    """The exception in a line. Of a database error its SQLSTATE and the rule, because Postgres adds
    the failing row; of our own refusals nothing but their name.
    """
    if isinstance(error, DatabaseError | DjangoDatabaseError):
        return _described_database_error(error)
    if type(error).__module__.partition(".")[0] in OWN_PACKAGES:
        return "(its sentence is not logged)"
    return without_secrets(str(error))


def without_secrets(text: str) -> str:
    """The text without the keys of links in mails, signed texts and access tokens."""
    for secret in (SECRET_PATH, SIGNED, ACCESS_TOKEN, JWT):
        text = secret.sub(r"\1…", text)
    return text


def formatted(error: BaseException, trace: TracebackType | None) -> str:
    """The traceback as Python writes it, with `described` in place of each message."""
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
        return str(error.args[0])  # Django's, which names models and fields
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
