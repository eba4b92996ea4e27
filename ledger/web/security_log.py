"""Writes the security log. Each event, such as a sign-in, a refusal or an approval, is one line of
JSON.

A line identifies people and rows only by ids. It contains no secrets, amounts, email addresses or
IP addresses. A value that is not an id, a number or a plain word is replaced with `WITHHELD`.

    security_log.record("approval.decided", outcome="refused", person=manager, approval=request.pk)
"""

import json
import logging
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from http import HTTPStatus
from typing import Any, Literal

from django.db import connection
from django.db import transaction as db_transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ledger.tracing import spans
from ledger.web import security_counts

logger = logging.getLogger("ledger.security")

Outcome = Literal["ok", "refused", "limited"]
Fact = uuid.UUID | bool | int | str | None

WITHHELD = "withheld"
EVENT = re.compile(r"[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)?")
# If the name of a fact contains one of these words, the log must not contain its value.
FORBIDDEN_WORDS = frozenset(
    "password passphrase secret token cookie code key otp hash amount balance sum total money"
    " email mail address ip phone name number iban description reference text body query".split()
)
PLAIN_WORD = re.compile(r"(?!.*\d{5})[a-z][a-z0-9_.:-]{0,63}")

_request: ContextVar[HttpRequest | None] = ContextVar("security_log_request", default=None)


def record(
    event: str,
    *,
    outcome: Outcome = "ok",
    person: Any = None,
    request: HttpRequest | None = None,
    **facts: Fact,
) -> None:
    """Writes one line to the security log. Inside a transaction, an event with the outcome "ok" is
    written after the commit. Other outcomes are written immediately, because their transactions are
    often rolled back.

    `event` is a thing and what happened to it, such as "session.ended". `person` is a user or a
    user's id (default: the signed-in user). `request` is by default the request of this thread.
    `facts` are UUIDs, whole numbers, booleans and plain words, such as the name of a group or a
    URL.
    """
    request = request or _request.get()
    line: dict[str, Any] = {
        "time": timezone.now().isoformat(timespec="milliseconds"),
        "event": event if EVENT.fullmatch(event) else WITHHELD,
        "outcome": outcome,
        "person": _id_of(person or _signed_in(request)),
        "session": session_mark(_session_key(request)),
        "request": getattr(request, "request_id", None),
        **spans.ids(),
        **{name: _safe(name, value) for name, value in facts.items()},
    }
    write = partial(_write, line, facts.get("method"))
    # `on_commit` is not used outside a transaction, because it would connect to the database.
    if outcome == "ok" and connection.in_atomic_block:
        db_transaction.on_commit(write, robust=True)
    else:
        write()


def _write(line: Mapping[str, Any], method: Fact) -> None:
    level = logging.INFO if line["outcome"] == "ok" else logging.WARNING
    logger.log(level, "%s", json.dumps(line), extra={"facts": line})
    security_counts.count(line["event"], line["outcome"], method)


def session_mark(session_key: str | None) -> str | None:
    """Returns the id of a session for the log (16 hexadecimal digits), or None. Nobody can compute
    the session key from this id.
    """
    if not session_key:
        return None
    return salted_hmac("ledger.security_log", session_key, algorithm="sha256").hexdigest()[:16]


def is_forbidden(name: str) -> bool:
    """Returns whether the name of a fact contains a word for a secret, an amount or an address."""
    return not FORBIDDEN_WORDS.isdisjoint(name.split("_"))


def _safe(name: str, value: Fact) -> bool | int | str | None:
    if is_forbidden(name):
        return WITHHELD
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, uuid.UUID):
        return str(value)
    return value if isinstance(value, str) and PLAIN_WORD.fullmatch(value) else WITHHELD


def _id_of(person: Any) -> str | None:
    pk = getattr(person, "pk", person)
    return str(pk) if isinstance(pk, uuid.UUID) else None


def _signed_in(request: HttpRequest | None) -> Any:
    """Returns the user if the request has already loaded the user, otherwise None. The log sends no
    queries.
    """
    return getattr(request, "_cached_user", None)


def _session_key(request: HttpRequest | None) -> str | None:
    return getattr(getattr(request, "session", None), "session_key", None)


@contextmanager
def of_request(request: HttpRequest) -> Iterator[None]:
    """Makes `request` the default request of `record` inside the block."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def record_refusal(request: HttpRequest, status: int) -> None:
    """Records a response with status 403 or 429."""
    if status not in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS):
        return
    match = request.resolver_match
    record(
        "page.refused",
        outcome="limited" if status == HTTPStatus.TOO_MANY_REQUESTS else "refused",
        request=request,
        page=match.view_name if match else None,
        method=(request.method or "").lower(),
    )
