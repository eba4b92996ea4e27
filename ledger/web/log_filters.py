"""Filters and the format of the log."""

import logging
from typing import Any

from ledger.web.error_text import formatted, without_secrets


class WithoutValues(logging.Formatter):
    """Lines without the values that an error was about, and without the keys of links in mails."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another handler may have kept its own text
        return without_secrets(super().format(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  the name of logging
        return formatted(ei[1], ei[2]) if ei[1] is not None else ""


class RefusalsInOneLine(logging.Filter):
    """Removes the traceback from log lines about refused requests (status 4xx, a wrong Host), which
    are no bugs.

    Other lines of level ERROR keep their traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        is_refusal = record.name == "django.request" and record.levelno < logging.ERROR
        if is_refusal or record.name.startswith("django.security."):
            record.exc_info = record.exc_text = None
        return True
