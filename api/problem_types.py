"""Every `type` that a problem may have, with what it means."""

from collections.abc import Iterator
from http import HTTPStatus
from itertools import groupby
from typing import NamedTuple

from accounts.exceptions import LedgerError, slug_of
from api.problems import FieldRefused
from transactions.safeguards.confirmation import ConfirmationNeeded


class ProblemType(NamedTuple):
    """A type: its status, the end of its address, and what it means."""

    status: int
    slug: str
    meaning: str


OF_REQUESTS = [
    ProblemType(400, "invalid-request", "The request cannot be read; errors says which fields."),
    ProblemType(401, "not-signed-in", "There is no token. Send Authorization: Bearer <token>."),
    ProblemType(401, "token-not-accepted", "The token is unknown, or no longer accepted."),
    ProblemType(403, "not-allowed", "The token lacks a scope, or its person a right."),
    ProblemType(404, "not-found", "There is nothing there that the caller may read."),
    ProblemType(405, "method-not-allowed", "The address does not take this method; see detail."),
    ProblemType(406, "not-acceptable", "The answer is JSON, and Accept refuses that."),
    ProblemType(409, "busy", "Others were booking on the account; nothing moved. Send it again."),
    ProblemType(413, "too-large", "The body is larger than the address accepts."),
    ProblemType(414, "address-too-long", "The address is too long."),
    ProblemType(415, "unsupported-media-type", "The body is not of the type that is read here."),
    ProblemType(422, "not-possible", "The state of the transaction does not allow it."),
    ProblemType(422, "not-at-the-cash-desk", "Only staff of the cash desk leave one side out."),
    ProblemType(422, "invalid-number", "The account number cannot be right."),
    ProblemType(422, "too-many-numbers", "Too many numbers that cannot be paid, for today."),
    ProblemType(429, "too-many-calls", "Too many calls in this minute; see Retry-After."),
    ProblemType(429, "too-much-today", "More bytes in a day than one person may send."),
    ProblemType(429, "too-many-at-once", "Other requests of the person are still running; wait."),
    ProblemType(429, "too-many-large-bodies", "Other files or large bodies are being read; wait."),
    ProblemType(429, "too-many-downloads", "Another long answer is being sent; wait for its end."),
    ProblemType(500, "server-error", "A fault here. What was sent with a key may be sent again."),
    ProblemType(503, "unavailable", "The database does not answer; nothing moved by this call."),
    ProblemType(503, "too-busy", "It waited too long and was not begun; send it again."),
    ProblemType(503, "provider-away", "The identity provider does not answer; send it again."),
    ProblemType(503, "took-too-long", "It took longer than it may, and was stopped."),
    ProblemType(
        503, "outcome-unknown",
        "It may be done or not. Send the same again: a payment with key as its Idempotency-Key,"
        " a list with the key that it had; nothing is booked twice.",
    ),
]  # fmt: skip


def problem_types_by_status() -> list[tuple[str, list[ProblemType]]]:
    """All types, in groups by their status, each with its phrase."""
    every = sorted({*OF_REQUESTS, *_of_refusals()})
    return [
        (f"{status} {HTTPStatus(status).phrase}", list(types))
        for status, types in groupby(every, key=lambda kind: kind.status)
    ]


def _of_refusals() -> Iterator[ProblemType]:
    for kind in _subclasses(LedgerError):
        if kind is FieldRefused:
            continue
        status = 422
        if kind.is_conflict:
            status = 409
        elif issubclass(kind, ConfirmationNeeded):
            status = 403
        meaning = " ".join((kind.__doc__ or "").split())
        yield ProblemType(status, slug_of(kind.__name__), meaning)


def _subclasses(kind: type[LedgerError]) -> Iterator[type[LedgerError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)
