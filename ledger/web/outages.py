"""Writes one log line for each request that failed because of the database:

    NOT_STARTED GET home: a.example:5432 refused, b.example:5432 standby or read-only

The line contains the kind of failure (`ledger.db.retry.Failure`), the method, the route, and the
reason of each server that was tried (`ledger.db.outages.reasons`). If the request waited because no
standby confirms commits, the line contains this reason too. The line contains no URL, which may
contain an id, and no messages of the server.
"""

import logging

from django.db import Error
from django.http import HttpRequest

from ledger.db.commits.confirmation import nobody_confirms
from ledger.db.outages.reasons import Reason, in_words, is_wait
from ledger.db.retry import Failure, failure_of
from ledger.web.request_log import facts_of

logger = logging.getLogger("ledger.outage")
# A traceback is not useful for these failures.
OUTAGES = frozenset({Failure.LOST_RACE, Failure.NOT_STARTED, Failure.UNKNOWN, Failure.TIMED_OUT})
_LOGGED = "database_failure_is_logged"


def is_outage(error: BaseException | None) -> bool:
    """Returns whether the error means only that the database could not be reached, was busy or was
    too slow.
    """
    return isinstance(error, Error) and failure_of(error) in OUTAGES


def waited_for_standby(error: BaseException) -> bool:
    """Returns whether the error ended a SQL statement that waited because no standby confirms
    commits.
    """
    return is_wait(error) and nobody_confirms()


def log_failure(request: HttpRequest, error: BaseException) -> None:
    """Writes the log line for a failed request, once per request."""
    if is_logged(request):
        return
    why = in_words(error)
    if waited_for_standby(error):
        why = f"{why}, {Reason.NO_STANDBY.value}"
    _write(request, failure_of(error).name, why)


def log_no_standby(request: HttpRequest) -> None:
    """Writes the log line for a request that was refused because its commit would wait without a
    limit.
    """
    _write(request, Failure.NOT_STARTED.name, Reason.NO_STANDBY.value)


def _write(request: HttpRequest, failure: str, why: str) -> None:
    setattr(request, _LOGGED, True)
    facts = facts_of(request)
    logger.error(
        "%s %s %s: %s", failure, facts["method"], facts["route"], why, extra={"request": request}
    )


def is_logged(request: HttpRequest) -> bool:
    """Returns whether the log line for this request was already written."""
    return hasattr(request, _LOGGED)
