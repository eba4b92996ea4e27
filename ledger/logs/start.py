"""Writes the first log line of a process, which contains the version of Ledger."""

import logging

from ledger.version import REVISION, VERSION

logger = logging.getLogger("ledger.start")


def log_start() -> None:
    facts = {"event": "process.started", "version": VERSION, "revision": REVISION}
    logger.info("Ledger %s starts, revision %s", VERSION, REVISION, extra={"facts": facts})
