"""Collects the lines of the security log while a test runs."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import TestCase


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Events:
    """The recorded events, each as the dictionary of its log line."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def named(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.all() if one["event"] == event]

    def brief(self) -> list[tuple[str, str]]:
        """Returns each event with its outcome."""
        return [(one["event"], one["outcome"]) for one in self.all()]


@contextmanager
def security_events() -> Iterator[Events]:
    """Yields the events of the `with` block. The test's transaction never commits, so its on_commit
    functions are called at the end of the block.
    """
    collector = _Collector()
    logger = logging.getLogger("ledger.security")
    logger.addHandler(collector)
    try:
        with TestCase.captureOnCommitCallbacks(execute=True):
            yield Events(collector.lines)
    finally:
        logger.removeHandler(collector)
