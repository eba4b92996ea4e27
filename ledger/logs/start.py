"""The first line of a process in the log: which version of Ledger runs."""

import logging

from ledger.version import REVISION, VERSION

logger = logging.getLogger("ledger.start")
_is_due = False


def log_after_setup() -> None:
    """Makes `log_if_due` log the start: before Django is set up there is no log."""
    global _is_due  # noqa: PLW0603  one process, one start
    _is_due = True


def log_if_due() -> None:
    if _is_due:
        log_start()


def log_start() -> None:
    facts = {"event": "process.started", "version": VERSION, "revision": REVISION}
    logger.info("Ledger %s starts, revision %s", VERSION, REVISION, extra={"facts": facts})
