"""Creates the replicas of this process, and runs the threads that probe them."""

import os
import threading
import time
from functools import cache

from django.conf import settings

from ledger.db.replicas import lag
from ledger.db.replicas.known import Replica

EVERY = 1.0  # seconds
TRY_AGAIN_AFTER = 5.0  # seconds between two probes of a replica that is not used
LOG_EVERY = 60.0

_lock = threading.Lock()
_is_over = threading.Event()
_threads: list[threading.Thread] = []
# The key is the process id, because gunicorn forks.
_of_process: dict[int, tuple[Replica, ...]] = {}


@cache
def aliases() -> tuple[str, ...]:
    """Returns the names of all replicas in DATABASES."""
    return tuple(name for name, each in settings.DATABASES.items() if each.get("LEDGER_REPLICA"))


def replicas() -> tuple[Replica, ...]:
    """Returns the replicas in the settings. The first call in a process starts the threads that
    probe the replicas.
    """
    if not aliases():
        return ()
    pid = os.getpid()
    if pid not in _of_process:
        with _lock:
            if pid not in _of_process:
                found = tuple(map(Replica, aliases()))
                _threads[:] = [
                    threading.Thread(target=_keep_probing, args=[each, _is_over], daemon=True)
                    for each in found
                ]
                for thread in _threads:
                    thread.start()
                _of_process.clear()
                _of_process[pid] = found
    return _of_process[pid]


def _keep_probing(replica: Replica, is_over: threading.Event) -> None:
    logged, pause = time.monotonic(), 0.0
    while not is_over.wait(pause):
        replica.probe()
        if time.monotonic() - logged >= LOG_EVERY:
            logged = time.monotonic()
            lag.log(replica)
        pause = TRY_AGAIN_AFTER if replica.why_out else EVERY
    replica.close()


def stop_probing() -> None:
    """Ends the probing threads. The next call of `replicas` starts new threads."""
    with _lock:
        _of_process.clear()
        _is_over.set()
        for thread in _threads:
            thread.join()
        _threads.clear()
        _is_over.clear()
