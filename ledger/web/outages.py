"""One line of the log for each request that failed because of its database:

    NOT_STARTED GET home: a.example:5432 refused, b.example:5432 standby or read-only

It has the kind of failure (`ledger.db.retry.Failure`), the method and the route, and for each
server that was tried why it failed, in words of ours (`ledger.db.reasons`). It has no address of
the page, because that may have an id in it, and nothing that the server said.
"""

import logging

from django.db import Error
from django.http import HttpRequest

from ledger.db.reasons import in_words
from ledger.db.retry import Failure, failure_of
from ledger.web.request_log import facts_of

logger = logging.getLogger("ledger.outage")
# Of these a traceback says only where the request was when the database failed.
OUTAGES = frozenset({Failure.NOT_STARTED, Failure.UNKNOWN, Failure.TIMED_OUT})
_TOLD = "database_failure_is_logged"


def is_outage(error: BaseException | None) -> bool:
    """Whether the error says that the database was away or too slow, and no more than that."""
    return isinstance(error, Error) and failure_of(error) in OUTAGES


def log_failure(request: HttpRequest, error: BaseException) -> None:
    """Writes the line, once for each request."""
    if is_logged(request):
        return
    setattr(request, _TOLD, True)
    facts, failure = facts_of(request), failure_of(error).name
    logger.error("%s %s %s: %s", failure, facts["method"], facts["route"], in_words(error))


def is_logged(request: HttpRequest) -> bool:
    """Whether the line of this request is written."""
    return hasattr(request, _TOLD)
