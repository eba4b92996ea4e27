"""Errors as problem details (RFC 9457): a stable `type` for each refusal, its sentence, its field.

| status | when |
|---|---|
| 400 | the request cannot be read: JSON, fields, filters |
| 401 | no token, or one that is not accepted |
| 403 | the token lacks a scope, or the person a right, or a step-up is needed |
| 404 | there is nothing with that id for this person |
| 409 | the key was used for something else; or others were booking on the account: again later |
| 422 | the bank refuses the money |
| 429 | too many calls |
| 503 | the database or the identity provider is away; after a payment `id` says what to ask for |
"""

from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import Error, OperationalError
from django.http import Http404, HttpResponseBase
from rest_framework import exceptions

from accounts.exceptions import LedgerError, slug_of
from ledger.db.retry import Failure, NotConfirmed, failure_of
from ledger.text.lines import shortened
from ledger.web import outages
from ledger.web.problem_details import problem, problem_body
from transactions.safeguards.confirmation import ConfirmationNeeded

PAY_AGAIN = (
    "It may be booked or not. Send the same request with the Idempotency-Key in key until it is"
    " answered; it is booked once, however often it is sent."
)
RETRY_AFTER = 1  # seconds, after a lost race
MOST_ERRORS, LONGEST_WORDS = 100, 500  # of what an answer says of a request; the rest is left out


class OutcomeOf(Exception):
    """A payment failed in the database; `id` is what the caller asks for. `again` says how to send
    it again if nobody knows whether it is booked, `key` with which key.
    """

    def __init__(self, id: Any, again: str = PAY_AGAIN, *, key: str = "") -> None:
        super().__init__()
        self.id, self.again, self.key = id, again, key


class FieldRefused(LedgerError):
    """A refusal of one field, by its name in the request."""

    def __init__(self, sentence: str, field: str, *, slug: str = "") -> None:
        super().__init__(sentence)
        self.field, self.slug = field, slug


class NotYours(exceptions.APIException):
    """The token lacks a scope, or its person a right."""

    status_code = HTTPStatus.FORBIDDEN


class ProviderAway(exceptions.APIException):
    """The identity provider does not tell its keys, so no token of it can be verified."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE


def handled(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """The problem of an exception that a view raised; None for a bug. REST framework's
    EXCEPTION_HANDLER.
    """
    request = context["request"]._request
    payment = None
    if isinstance(error, OutcomeOf):
        payment, error = error, error.__cause__  # type: ignore[assignment]
    found = _problem_of(error, payment)
    if found is None:
        return None
    if isinstance(error, Error):
        outages.log_failure(request, error)
    return found


def _problem_of(error: Exception, payment: OutcomeOf | None) -> HttpResponseBase | None:
    found = None
    if isinstance(error, LedgerError):
        found = _refused(error)
    elif isinstance(error, exceptions.APIException):
        found = _of_framework(error)
    elif isinstance(error, Http404):
        found = problem(404, "not-found", "There is nothing here that you may read.")
    elif isinstance(error, PermissionDenied):
        found = problem(403, "not-allowed", str(error) or "You may not do this.")
    elif isinstance(error, ValidationError):
        found = problem(400, "invalid-request", " ".join(error.messages))
    elif isinstance(error, Error):
        found = _of_database(error, payment)
    return found


def _refused(error: LedgerError) -> HttpResponseBase:
    status, slug, more = _facts_of(error)
    return problem(status, slug, str(error), **more)


def body_of(error: LedgerError) -> dict[str, Any]:
    """A refusal as problem details; of a batch with the number of its line."""
    status, slug, more = _facts_of(error)
    return problem_body(status, slug, str(error), **more)


def _facts_of(error: LedgerError) -> tuple[int, str, dict[str, Any]]:
    """The status of a refusal, the end of its type, its field, and the line of a batch."""
    more: dict[str, Any] = {}
    told = error
    if (line := getattr(error, "number", None)) is not None:
        more["line"], told = line, error.refusal  # type: ignore[attr-defined]
    status, slug = HTTPStatus.UNPROCESSABLE_ENTITY, slug_of(type(told).__name__)
    if told.is_conflict:
        status = HTTPStatus.CONFLICT
    elif isinstance(told, ConfirmationNeeded):
        status = HTTPStatus.FORBIDDEN
    if told.field:
        more["field"] = told.field
    if isinstance(told, FieldRefused):
        slug = told.slug or slug
    return status, slug, more


def _of_framework(error: exceptions.APIException) -> HttpResponseBase:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    if isinstance(error, exceptions.ValidationError):
        errors = list(islice(_errors(error.detail), MOST_ERRORS))
        detail = errors[0]["detail"] if errors else "The request cannot be read."
        return problem(400, "invalid-request", detail, headers, errors=errors)
    detail = str(error.detail)
    if isinstance(error, exceptions.UnsupportedMediaType):
        detail += " Send JSON with Content-Type: application/json; a payment file as text/csv."
    slug = {
        exceptions.NotAuthenticated: "not-signed-in",
        exceptions.AuthenticationFailed: "token-not-accepted",
        exceptions.Throttled: "too-many-calls",
        ProviderAway: "provider-away",
        exceptions.ParseError: "invalid-request",
        exceptions.UnsupportedMediaType: "unsupported-media-type",
        exceptions.NotAcceptable: "not-acceptable",
        exceptions.MethodNotAllowed: "method-not-allowed",
        exceptions.NotFound: "not-found",
    }.get(type(error), "not-allowed")
    return problem(error.status_code, slug, detail, headers)


def _errors(detail: Any, path: str = "") -> Any:
    """Each error of a serializer: the field's path, and the sentence."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            at = path if name == "non_field_errors" else f"{path}.{name}".lstrip(".")
            yield from _errors(inner, at)
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            at = f"{path}.{number}" if isinstance(inner, Mapping) else path
            yield from _errors(inner, at)
    else:
        words = (path, str(detail))
        field, sentence = (shortened(text, LONGEST_WORDS) for text in words)
        yield {"field": field, "detail": sentence}


def _of_database(error: Error, payment: OutcomeOf | None) -> HttpResponseBase | None:
    failure = failure_of(error)
    if failure is Failure.FINAL and not isinstance(error, OperationalError):
        return None
    more = {"id": str(payment.id)} if payment else {}
    if payment and payment.key:
        more["key"] = payment.key
    again = {"Retry-After": str(RETRY_AFTER)}
    if failure is Failure.LOST_RACE:
        return problem(
            409, "busy", "Others were booking on this account. Nothing moved; send it again.",
            again, **more,
        )  # fmt: skip
    if payment and (failure is Failure.UNKNOWN or isinstance(error, NotConfirmed)):
        return problem(503, "outcome-unknown", payment.again, again, **more)
    if failure is Failure.TIMED_OUT:
        return problem(
            503, "took-too-long", "It took longer than it may, so it was stopped.", again
        )
    why = "The database does not answer at the moment. Send it again."
    if failure is Failure.FINAL:  # no room or memory is left, for example
        why = "The database cannot do this at the moment. Send it again later."
    return problem(503, "unavailable", why, again, **more)
