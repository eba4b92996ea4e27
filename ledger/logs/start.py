"""Writes the first log lines of a process: its version, and settings that are not read."""

import logging
from collections.abc import Mapping

from ledger.version import REVISION, VERSION

logger = logging.getLogger("ledger.start")


def log_start(unread: Mapping[str, str]) -> None:
    """Logs the start, and a warning for each setting in `unread`: see `ledger.env.unread`."""
    facts = {"event": "process.started", "version": VERSION, "revision": REVISION}
    logger.info("Ledger %s starts, revision %s", VERSION, REVISION, extra={"facts": facts})
    for name, hint in unread.items():
        facts = {"event": "setting.unread", "setting": name}
        logger.warning(
            "Ledger does not read the setting %s. %s", name, hint, extra={"facts": facts}
        )
