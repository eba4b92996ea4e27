"""gunicorn's log in the format of Ledger's log, without the IP addresses of clients."""

import logging
import sys
from typing import Any

from gunicorn.glogging import Logger

from ledger import env


class GunicornLog(Logger):  # type: ignore[misc]
    """A log for messages about gunicorn's processes and about data that is not a valid request.
    Django logs the requests (`ledger.web.request_log`).
    """

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        if env.choice("LOG_FORMAT", "text", env.LOG_FORMATS) == "json":
            for handler in self.error_log.handlers:
                handler.setFormatter(LaterJsonLines())

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if str(msg).startswith("Invalid request from ip="):
            kind = type(sys.exc_info()[1]).__name__
            msg, args = f"A request that cannot be read was refused: {kind}", ()
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        # The rest of the message contains the URL.
        if str(msg).startswith("Error handling request"):
            msg, args = "A request failed before Django read it", ()
        super().exception(msg, *args, **kwargs)


class LaterJsonLines(logging.Formatter):
    """A formatter that imports JsonLines when the first record is written. An import at the start
    would load `ledger.metrics` before gunicorn sets the folder for /metrics.
    """

    def format(self, record: logging.LogRecord) -> str:
        from ledger.web.json_lines import JsonLines

        return JsonLines().format(record)
