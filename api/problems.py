"""Errors as problem details (RFC 9457). Each refusal has a stable `type`, a message, and the name
of the field.

| status | when |
|---|---|
| 400 | the request cannot be read: JSON, fields, filters |
| 401 | there is no token, or the token is not accepted |
| 403 | the token lacks a scope, the user lacks a right, or a step-up is needed |
| 404 | there is nothing with this id that the user may read |
| 409 | the key was used for another request, or the account was busy: retry later |
| 422 | the bank refuses the payment |
| 429 | the caller has made too many calls |
| 503 | the database or the identity provider is unavailable; after a payment, `id` is its id |
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
    "It is not known whether it was booked. Repeat the request with the Idempotency-Key in key"
    " until you get a response; it is booked only once."
)
RETRY_AFTER = 1  # seconds to wait after a conflict of two transactions
MAX_ERRORS, LONGEST_WORDS = 100, 500  # limits on the errors in one response


class OutcomeOf(Exception):
    """A database error during a payment or another action. `id` is the id of the payment or of the
    changed object. If the outcome is unknown, `again` explains how to repeat the request, and `key`
    is the Idempotency-Key of the request.
    """

    def __init__(self, id: Any, again: str = PAY_AGAIN, *, key: str = "") -> None:
        super().__init__()
        self.id, self.again, self.key = id, again, key


class FieldRefused(LedgerError):
    """The error for a refused value of one field. `field` is the name of the field in the
    request.
    """

    def __init__(self, message: str, field: str, *, slug: str = "") -> None:
        super().__init__(message)
        self.field, self.slug = field, slug


class NotYours(exceptions.APIException):
    """The token lacks a scope, or its user lacks a right."""

    status_code = HTTPStatus.FORBIDDEN


class ProviderAway(exceptions.APIException):
    """The keys of the identity provider cannot be read, so its tokens cannot be verified."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE


def handled(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """Returns the problem for an exception of a view, or None if the exception is a bug. REST
    framework calls this function as its EXCEPTION_HANDLER.
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
    """Returns the body of the problem for a refusal, with the number of the line if the refusal is
    about a line of a batch.
    """
    status, slug, more = _facts_of(error)
    return problem_body(status, slug, str(error), **more)


def _facts_of(error: LedgerError) -> tuple[int, str, dict[str, Any]]:
    """Returns three values for a refusal: its HTTP status, the last part of its type, and a dict.
    The dict contains the name of the field and the number of the line, if the refusal has them.
    """
    more: dict[str, Any] = {}
    refusal = error
    if (line := getattr(error, "number", None)) is not None:
        more["line"], refusal = line, error.refusal  # type: ignore[attr-defined]
    status, slug = HTTPStatus.UNPROCESSABLE_ENTITY, slug_of(type(refusal).__name__)
    if refusal.is_conflict:
        status = HTTPStatus.CONFLICT
    elif isinstance(refusal, ConfirmationNeeded):
        status = HTTPStatus.FORBIDDEN
    if refusal.field:
        more["field"] = refusal.field
    if isinstance(refusal, FieldRefused):
        slug = refusal.slug or slug
    return status, slug, more


def _of_framework(error: exceptions.APIException) -> HttpResponseBase:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    if isinstance(error, exceptions.ValidationError):
        errors = list(islice(_errors(error.detail), MAX_ERRORS))
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
    """Yields each error of a serializer as a dict with the path of the field and the message."""
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
        field, message = (shortened(text, LONGEST_WORDS) for text in words)
        yield {"field": field, "detail": message}


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
            409, "busy", "This account was busy. This request moved no money; send it again.",
            again, **more,
        )  # fmt: skip
    if payment and (failure is Failure.UNKNOWN or isinstance(error, NotConfirmed)):
        return problem(503, "outcome-unknown", payment.again, again, **more)
    if failure is Failure.TIMED_OUT:
        return problem(
            503, "took-too-long", "The request exceeded the time limit and was stopped.", again
        )
    why = "The database does not respond at the moment. Send it again."
    if failure is Failure.FINAL:  # for example, there is no disk space or memory
        why = "The database cannot do this at the moment. Send it again later."
    return problem(503, "unavailable", why, again, **more)
