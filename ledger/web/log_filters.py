"""What the log says of pages that were refused."""

import logging


class RefusalsInOneLine(logging.Filter):
    """Takes the traceback off the line of a page that was refused: somebody asked for what they
    may not have, which is no error of ours. Errors keep theirs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and record.levelno < logging.ERROR:
            record.exc_info = record.exc_text = None
        return True
