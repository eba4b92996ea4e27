"""The page for a booking that stopped after a part of the file was booked."""

import logging

from django.http import HttpRequest, HttpResponse

from banking.payment_files.booking import BookingStopped
from ledger.web import database_errors, outages
from transactions.exceptions import LedgerError

logger = logging.getLogger(__name__)


def stopped_page(request: HttpRequest, stopped: BookingStopped, file_url: str) -> HttpResponse:
    """Returns the page "Part of the file is booked" with a link to `file_url`. If the cause is a
    LedgerError, the status is 409, and nothing is logged. For other causes, the status is 503, and
    the error is logged.
    """
    cause = stopped.__cause__
    is_refusal = isinstance(cause, LedgerError)
    if cause is not None and outages.is_outage(cause):
        outages.log_failure(request, cause)
    elif not is_refusal:
        logger.error(
            "The booking of the payment file %s stopped", stopped.file.pk, exc_info=stopped
        )
    return database_errors.page(
        "Part of the file is booked",
        str(stopped),
        file_url,
        "To the file",
        status=409 if is_refusal else 503,
    )
