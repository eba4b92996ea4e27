"""Writes the first log line of a process, with the version of Ledger."""

import logging

from ledger.version import REVISION, VERSION

logger = logging.getLogger("ledger.start")
_is_due = False


def log_after_setup() -> None:
    """Makes `log_if_due` write the first log line later. Before Django is set up, logging does not
    work.
    """
    global _is_due  # noqa: PLW0603  one process, one start
    _is_due = True


def log_if_due() -> None:
    if _is_due:
        log_start()


def log_start() -> None:
    facts = {"event": "process.started", "version": VERSION, "revision": REVISION}
    logger.info("Ledger %s starts, revision %s", VERSION, REVISION, extra={"facts": facts})
