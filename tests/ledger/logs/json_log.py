"""Reads what the log would write with LOG_FORMAT=json."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ledger.web.json_lines import JsonLines

# Those that hand nothing on, or less than INFO.
OWN_HANDLERS = ("ledger.security", "ledger.replicas")
LEVELS = ("", "django", "ledger.requests")


class JsonLog(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(self.format(record))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text]

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["logger"] == logger]


@contextmanager
def json_log(level: int = logging.INFO) -> Iterator[JsonLog]:
    """What the block logs, from this level on."""
    log = JsonLog()
    loggers = [logging.getLogger(name) for name in ("", *OWN_HANDLERS)]
    before = {name: logging.getLogger(name).level for name in LEVELS}
    for logger in loggers:
        logger.addHandler(log)
    for name in LEVELS:
        logging.getLogger(name).setLevel(level)
    try:
        yield log
    finally:
        for logger in loggers:
            logger.removeHandler(log)
        for name, was in before.items():
            logging.getLogger(name).setLevel(was)
