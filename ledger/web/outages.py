"""One line of the log for each request that failed because of its database:

    NOT_STARTED GET home: a.example:5432 refused, b.example:5432 standby or read-only

It has the kind of failure (`ledger.db.retry.Failure`), the method and the route, and for each
server that was tried why it failed, in words of ours (`ledger.db.outages.reasons`). Where a request
waited for locks or for an answer, it says besides if no standby confirms commits: that is why. It
has no address of the page, because that may have an id in it, and nothing that the server said.
"""

import logging

from django.db import Error
from django.http import HttpRequest

from ledger.db.commits.confirmation import nobody_confirms
from ledger.db.outages.reasons import Reason, in_words, is_wait
from ledger.db.retry import Failure, failure_of
from ledger.web.request_log import facts_of

logger = logging.getLogger("ledger.outage")
# Of these a traceback says only where the request was when the database failed.
OUTAGES = frozenset({Failure.LOST_RACE, Failure.NOT_STARTED, Failure.UNKNOWN, Failure.TIMED_OUT})
_TOLD = "database_failure_is_logged"


def is_outage(error: BaseException | None) -> bool:
    """Whether the error says that the database was away, busy or too slow, and no more."""
    return isinstance(error, Error) and failure_of(error) in OUTAGES


def waited_for_standby(error: BaseException) -> bool:
    """Whether a statement was given up that waited while no standby confirms commits."""
    return is_wait(error) and nobody_confirms()


def log_failure(request: HttpRequest, error: BaseException) -> None:
    """Writes the line, once for each request."""
    if is_logged(request):
        return
    why = in_words(error)
    if waited_for_standby(error):
        why = f"{why}, {Reason.NO_STANDBY.value}"
    _write(request, failure_of(error).name, why)


def log_no_standby(request: HttpRequest) -> None:
    """Writes the line of a request that was refused because its commit would wait for ever."""
    _write(request, Failure.NOT_STARTED.name, Reason.NO_STANDBY.value)


def _write(request: HttpRequest, failure: str, why: str) -> None:
    setattr(request, _TOLD, True)
    facts = facts_of(request)
    logger.error(
        "%s %s %s: %s", failure, facts["method"], facts["route"], why, extra={"request": request}
    )


def is_logged(request: HttpRequest) -> bool:
    """Whether the line of this request is written."""
    return hasattr(request, _TOLD)
