"""Describes exceptions for logs without secrets. The message of an exception may contain a secret,
such as a header with a token. The descriptions of `for_developer` contain more details.
"""

import re
import traceback
from collections.abc import Callable
from types import TracebackType

from django.db import Error as DjangoDatabaseError
from django.db.models import ProtectedError, RestrictedError
from psycopg import Error as DatabaseError

from ledger.db.rights.registered_tables import hint_for_denied_table

# The messages of exceptions in these packages are for one user. They contain amounts and names.
OWN_PACKAGES = frozenset({"accounts", "api", "banking", "cookbook", "transactions"})
# The patterns match only at the beginning of a word. A search that starts again at each letter of a
# long word would take quadratic time. This pattern matches an access token
# (`accounts.sign_in.token_text`) or a part of one. The token's prefix may remain in the text.
ACCESS_TOKEN = re.compile(r"(ledger_[0-9A-Za-z]{8}_)[0-9A-Za-z]{20,}")
# A token of an identity provider. Its header contains no personal data, so the header may remain in
# the text.
JWT = re.compile(r"(?<![\w-])((?>[\w-]*?\beyJ)[\w-]{8,}\.)[\w-]{8,}\.[\w-]{8,}", re.ASCII)
# A text signed by `django.core.signing`, for example in links that work without signing in.
SIGNED = re.compile(r"()(?<![\w-])\.?[\w-]+:[0-9A-Za-z]{4,8}:[\w-]{43,}", re.ASCII)
# The rest of the line is removed completely. If a blank or a quote is at the end of a pasted key,
# the key still works without that character.
SECRET_PATH = re.compile(
    r"(/(?:key|confirm-email|mails)/).+?(?= request_id=|$)", re.IGNORECASE | re.MULTILINE
)


def described(error: BaseException) -> str:
    """Returns a description of an exception on one line.

    The description of a database error is the SQLSTATE and the violated rule, because Postgres's
    message may contain values of the row. For exceptions in OWN_PACKAGES, the description is a
    fixed text.
    """
    if isinstance(error, DatabaseError | DjangoDatabaseError):
        return _described_database_error(error)
    if type(error).__module__.partition(".")[0] in OWN_PACKAGES:
        return "(the message is not logged)"
    return without_secrets(str(error))


def for_developer(error: BaseException) -> str:
    """Returns the message of an exception for a developer with DEBUG. Leaves out Postgres's DETAIL,
    which contains values of stored rows.
    """
    found = error if isinstance(error, DatabaseError) else error.__cause__
    text = str(error)
    if isinstance(found, DatabaseError):
        if detail := found.diag.message_detail:
            text = text.replace(detail, "…")
        text = f"{text.rstrip()}\n({_described_database_error(found)})"
    return without_secrets(text)


def without_secrets(text: str) -> str:
    """Returns the text without secrets: access tokens, signed texts, and the keys of links in
    emails are replaced with "…".
    """
    for secret in (SECRET_PATH, SIGNED, ACCESS_TOKEN, JWT):
        text = secret.sub(r"\1…", text)
    return text


def formatted(
    error: BaseException,
    trace: TracebackType | None,
    describe: Callable[[BaseException], str] = described,
) -> str:
    """Returns the traceback in Python's format. The results of `describe` replace the messages."""
    parts = []
    chained = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if chained is not None:
        parts += [formatted(chained, chained.__traceback__, describe), "\n\nwhich led to:\n\n"]
    if trace is not None:
        parts += ["Traceback (most recent call last):\n", *traceback.format_tb(trace)]
    kind = type(error)
    name = kind.__qualname__
    name = name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"
    parts.append(f"{name}: {describe(error)}")
    return "".join(parts)


def _described_database_error(error: BaseException) -> str:
    found = error if isinstance(error, DatabaseError) else error.__cause__
    if isinstance(error, ProtectedError | RestrictedError):
        return str(error.args[0])  # a text of Django that contains names of models and fields
    if not isinstance(found, DatabaseError):
        return "(no SQLSTATE)"
    facts = [f"SQLSTATE {found.sqlstate}" if found.sqlstate else "(no SQLSTATE)"]
    if found.diag.constraint_name:
        facts.append(f"rule {found.diag.constraint_name}")
    if found.diag.table_name:
        facts.append(f"table {found.diag.table_name}")
    if found.diag.column_name:
        facts.append(f"column {found.diag.column_name}")
    hint = hint_for_denied_table(found)
    return ", ".join(facts) + (f". {hint}" if hint else "")
