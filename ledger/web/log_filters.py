"""Filters for the log."""

import logging


class RefusalsInOneLine(logging.Filter):
    """Removes the traceback from log lines about refused requests (status 4xx), which are no bugs.

    Lines of level ERROR keep their traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and record.levelno < logging.ERROR:
            record.exc_info = record.exc_text = None
        return True
