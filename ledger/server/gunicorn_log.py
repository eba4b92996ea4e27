"""gunicorn's own log: in the format of ours, and without the addresses of clients."""

import logging
import sys
from typing import Any

from gunicorn.glogging import Logger

from ledger import env


class GunicornLog(Logger):  # type: ignore[misc]
    """Requests are logged by Django (`ledger.web.request_log`); this is about the processes, and
    what cannot be read as a request.
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
        if str(msg).startswith("Error handling request"):  # its address follows
            msg, args = "A request failed before Django read it", ()
        super().exception(msg, *args, **kwargs)


class LaterJsonLines(logging.Formatter):
    """JsonLines, loaded for the first record. gunicorn makes its log before it names the folder of
    the counts for /metrics, and what counts looks for that when it is loaded.
    """

    def format(self, record: logging.LogRecord) -> str:
        from ledger.web.json_lines import JsonLines

        return JsonLines().format(record)
