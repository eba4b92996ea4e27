"""JSON log lines about replicas: left out, in use again, and how far each is behind."""

import json
import logging

from django.utils import timezone

from ledger.tracing import spans

logger = logging.getLogger("ledger.replicas")


def write(event: str, replica: str, **facts: str | float | None) -> None:
    """Writes one line. The facts contain no hosts, addresses or values of rows."""
    line = {
        "time": timezone.now().isoformat(timespec="milliseconds"),
        "event": event,
        "replica": replica,
        **facts,
        **spans.ids(),
    }
    logger.info("%s", json.dumps(line), extra={"facts": line})
