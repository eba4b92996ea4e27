"""Writes the first log line of a process, which contains the version of Ledger."""

import logging

from ledger.version import REVISION, VERSION

logger = logging.getLogger("ledger.start")
_is_due = False


def log_after_setup() -> None:
    """Requests that `log_if_due` writes the first log line. The line is not written immediately,
    because logging needs the setup of Django.
    """
    global _is_due  # noqa: PLW0603  one process, one start
    _is_due = True


def log_if_due() -> None:
    if _is_due:
        log_start()


def log_start() -> None:
    facts = {"event": "process.started", "version": VERSION, "revision": REVISION}
    logger.info("Ledger %s starts, revision %s", VERSION, REVISION, extra={"facts": facts})
