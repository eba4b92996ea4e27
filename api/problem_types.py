"""The `type` of each problem, with its meaning."""

from collections.abc import Iterator
from http import HTTPStatus
from itertools import groupby
from typing import NamedTuple

from accounts.exceptions import LedgerError, slug_of
from api.problems import FieldRefused
from transactions.safeguards.confirmation import ConfirmationNeeded


class ProblemType(NamedTuple):
    """A type of problem: its HTTP status, the last part of its URL, and its meaning."""

    status: int
    slug: str
    meaning: str


OF_REQUESTS = [
    ProblemType(400, "invalid-request", "The request cannot be read. See errors for the fields."),
    ProblemType(401, "not-signed-in", "There is no token. Send Authorization: Bearer <token>."),
    ProblemType(401, "token-not-accepted", "The token is unknown, or no longer accepted."),
    ProblemType(403, "not-allowed", "The token lacks a scope, or the user lacks a right."),
    ProblemType(404, "not-found", "The caller may read nothing at this address."),
    ProblemType(405, "method-not-allowed", "The address does not accept this method. See detail."),
    ProblemType(406, "not-acceptable", "The response is JSON, but Accept excludes JSON."),
    ProblemType(409, "busy", "The account was busy. This request moved no money. Send it again."),
    ProblemType(413, "too-large", "The body is larger than the address accepts."),
    ProblemType(414, "address-too-long", "The address is too long."),
    ProblemType(415, "unsupported-media-type", "This address does not accept this media type."),
    ProblemType(422, "not-possible", "The state of the transaction does not allow this step."),
    ProblemType(422, "not-at-the-cash-desk", "Only staff of the cash desk may omit one account."),
    ProblemType(422, "invalid-number", "The account number is invalid."),
    ProblemType(422, "too-many-numbers", "Too many numbers that cannot be paid were sent today."),
    ProblemType(429, "too-many-calls", "Too many calls in this minute. See Retry-After."),
    ProblemType(429, "too-much-today", "The user has sent more bytes today than allowed."),
    ProblemType(429, "too-many-at-once", "Other requests of the user are running. Wait."),
    ProblemType(429, "too-many-large-bodies", "The server reads other large bodies. Wait."),
    ProblemType(429, "too-many-downloads", "A long response is still being sent. Wait."),
    ProblemType(500, "server-error", "The server failed. You may repeat a request that has a key."),
    ProblemType(503, "unavailable", "The database does not respond. This call moved no money."),
    ProblemType(503, "too-busy", "The request waited too long and was not run. Send it again."),
    ProblemType(503, "provider-away", "The identity provider does not respond. Send it again."),
    ProblemType(503, "took-too-long", "The request exceeded the time limit and was stopped."),
    ProblemType(
        503, "outcome-unknown",
        "The outcome is not known. Repeat the request: a payment with key as its Idempotency-Key, a"
        " list with its first key. Nothing is booked twice.",
    ),
]  # fmt: skip


def problem_types_by_status() -> list[tuple[str, list[ProblemType]]]:
    """Returns all types of problems, grouped by status. The title of a group is the status with its
    phrase.
    """
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
        # The first paragraph is for callers of the API. Further paragraphs are for developers.
        meaning = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
        yield ProblemType(status, slug_of(kind.__name__), meaning)


def _subclasses(kind: type[LedgerError]) -> Iterator[type[LedgerError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)
