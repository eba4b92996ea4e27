"""Writes JSON log lines about replicas: when a replica is no longer used or is used again, and its
delay.
"""

import json
import logging

from django.utils import timezone

from ledger.tracing import spans

logger = logging.getLogger("ledger.replicas")


def write(event: str, replica: str, **facts: str | float | None) -> None:
    """Writes one log line. `facts` are further fields of the line. They must not contain hosts, IP
    addresses or values of rows.
    """
    line = {
        "time": timezone.now().isoformat(timespec="milliseconds"),
        "event": event,
        "replica": replica,
        **facts,
        **spans.ids(),
    }
    logger.info("%s", json.dumps(line), extra={"facts": line})
