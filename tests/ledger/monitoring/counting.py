"""A process that counts into the folder of its environment, and does what it reads: `python -m
tests.ledger.monitoring.counting`.

`count` counts one and changes the gauge, `fork` lets a child do so, `read` prints what all
processes together have counted.
"""

import os
import sys

from ledger.metrics import shared
from ledger.metrics.exposition import text_of
from ledger.metrics.kinds import Counter, Gauge

EVENTS = Counter("events_total", "Events.", ["kind"])
OPEN = Gauge("open_things", "Things that are open.")


def count() -> None:
    EVENTS.labels("any").inc()
    OPEN.inc()


def fork() -> None:
    if child := os.fork():
        os.waitpid(child, 0)
        return
    count()
    os._exit(0)


def main() -> None:
    print("ready", shared.slot() if shared.is_shared() else "alone", flush=True)
    for line in sys.stdin:
        match line.strip():
            case "count":
                count()
            case "fork":
                fork()
            case "read":
                print(text_of().decode().replace("\n", "|"), flush=True)
                continue
        print("done", flush=True)


if __name__ == "__main__":
    main()
