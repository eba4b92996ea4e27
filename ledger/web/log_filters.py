"""Filters for log records, and the formatter for LOG_FORMAT=text."""

import logging
from typing import Any

import psycopg
from django.conf import settings

from ledger.db.outages.reasons import in_words
from ledger.logs import context
from ledger.logs.output import is_watched
from ledger.tracing.spans import ids_of
from ledger.web import outages
from ledger.web.error_text import described, for_developer, formatted, without_secrets


class WithoutValues(logging.Formatter):
    """A formatter that removes the values from error messages and the keys from links in emails.
    For a developer in a terminal with DEBUG, it keeps the messages of errors.
    """

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another handler may have stored a text that contains values
        return without_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the name of logging
        trace = ids_of(record).get("trace_id")
        ids = {"request_id": _number_of_page(record), "trace_id": trace}
        found = [f" {name}={value}" for name, value in ids.items() if value]
        return super().formatMessage(record) + "".join(found)

    def formatException(self, ei: Any) -> str:  # noqa: N802  the name of logging
        if ei[1] is None:
            return ""
        is_for_developer = settings.DEBUG and is_watched()  # make dev in a terminal
        return formatted(ei[1], ei[2], for_developer if is_for_developer else described)


def _number_of_page(record: logging.LogRecord) -> object:
    """Returns the request id that the error page shows. Returns None if the level of the log record
    is below ERROR.
    """
    if record.levelno < logging.ERROR:
        return None
    request = getattr(record, "request", None)
    return getattr(request, "request_id", None) or context.current().get("request_id")


class RefusalsInOneLine(logging.Filter):
    """A filter that removes the traceback from records about refused requests (status 4xx, a wrong
    Host), which are not bugs.

    Also changes the level of django.security records to WARNING. Django logs some of them as ERROR,
    although anybody can send such requests.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        is_security = record.name.startswith("django.security.")
        if is_security:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        if is_security or (record.name == "django.request" and record.levelno < logging.ERROR):
            record.exc_info = record.exc_text = None
        return True


class OutagesInOneLine(logging.Filter):
    """A filter for the logger django.request. If a request failed because of the database, a single
    line of `ledger.web.outages` replaces all tracebacks of the request.

    Django logs such a request several times: in each middleware that the error passes through, and
    for the status of the response.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        error = record.exc_info[1] if record.exc_info else None
        if request is None:
            return True
        if error is not None and outages.is_outage(error):
            outages.log_failure(request, error)
            return False
        return error is not None or not outages.is_logged(request)


class WithoutServerText(logging.Filter):
    """A filter for psycopg's loggers. Replaces errors with Ledger's descriptions and hides
    connections, because the original texts may contain users and databases.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_in_our_words, record.args))
        return True


def _in_our_words(value: object) -> object:
    if isinstance(value, psycopg.Error):
        return in_words(value)
    return "a connection" if isinstance(value, psycopg.Connection) else value
