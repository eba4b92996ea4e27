"""Filters for the log."""

import logging


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
