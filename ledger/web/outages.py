"""One log line for each request that failed because of the database:

    NOT_STARTED GET home: a.example:5432 refused, b.example:5432 standby or read-only

The line contains the kind of failure (`ledger.db.retry.Failure`), the method and the route, and for
each tried server the reason in our words (`ledger.db.outages.reasons`). If a request waited for
locks or for an answer because no standby confirms commits, the line contains that reason, too. It
does not contain the URL, which may contain an id, or messages of the server.
"""

import logging

from django.db import Error
from django.http import HttpRequest

from ledger.db.commits.confirmation import nobody_confirms
from ledger.db.outages.reasons import Reason, in_words, is_wait
from ledger.db.retry import Failure, failure_of
from ledger.web.request_log import facts_of

logger = logging.getLogger("ledger.outage")
# For these failures, a traceback is not useful.
OUTAGES = frozenset({Failure.LOST_RACE, Failure.NOT_STARTED, Failure.UNKNOWN, Failure.TIMED_OUT})
_LOGGED = "database_failure_is_logged"


def is_outage(error: BaseException | None) -> bool:
    """Returns whether the error only means that the database was down, busy or too slow."""
    return isinstance(error, Error) and failure_of(error) in OUTAGES


def waited_for_standby(error: BaseException) -> bool:
    """Returns whether a statement was stopped that waited because no standby confirms commits."""
    return is_wait(error) and nobody_confirms()


def log_failure(request: HttpRequest, error: BaseException) -> None:
    """Writes the line for a failed request, only once for each request."""
    if is_logged(request):
        return
    why = in_words(error)
    if waited_for_standby(error):
        why = f"{why}, {Reason.NO_STANDBY.value}"
    _write(request, failure_of(error).name, why)


def log_no_standby(request: HttpRequest) -> None:
    """Writes the line for a request that was refused because its commit would wait without an
    end.
    """
    _write(request, Failure.NOT_STARTED.name, Reason.NO_STANDBY.value)


def _write(request: HttpRequest, failure: str, why: str) -> None:
    setattr(request, _LOGGED, True)
    facts = facts_of(request)
    logger.error(
        "%s %s %s: %s", failure, facts["method"], facts["route"], why, extra={"request": request}
    )


def is_logged(request: HttpRequest) -> bool:
    """Returns whether the line for this request has been written."""
    return hasattr(request, _LOGGED)
