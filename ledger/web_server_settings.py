"""Settings for gunicorn. A wrong value stops every command, because `ledger.settings` also reads
these settings.

They are not in the package `ledger.settings`: gunicorn needs them before `wsgi.py` chooses the
database role of the web processes.
"""

from typing import NamedTuple

from ledger import env

# With fewer threads, all of them could be occupied at the same time: two by downloads and three by
# emails (docs/running.md).
FEWEST_THREADS = 8


class GunicornSettings(NamedTuple):
    """Settings for gunicorn. Times are in seconds. `probe_port` is 0 without a port for probes."""

    host: str
    port: int
    probe_port: int
    workers: int
    threads: int
    keep_alive: int
    worker_timeout: int
    grace: int


def web_server() -> GunicornSettings:
    """Returns the settings for gunicorn from the environment or from `.env`."""
    return GunicornSettings(
        host=env.text("LEDGER_HOST", "127.0.0.1"),
        port=env.number("PORT", 8000, least=1, most=env.LAST_PORT),
        probe_port=env.number("LEDGER_PROBE_PORT", 0, least=0, most=env.LAST_PORT),
        workers=env.number("LEDGER_WORKERS", 2, least=1, most=64),
        threads=env.number("LEDGER_THREADS", FEWEST_THREADS, least=FEWEST_THREADS, most=128),
        # If a proxy or load balancer keeps a connection open for longer than gunicorn, it may send
        # a request on a connection that gunicorn is closing.
        keep_alive=env.number("LEDGER_KEEP_ALIVE", 5, least=1, most=600),
        # gunicorn kills a process whose main loop does not run for this time. A single request may
        # take longer.
        worker_timeout=env.number("LEDGER_WORKER_TIMEOUT", 30, least=5, most=600),
        grace=env.number("LEDGER_GRACE", 30, least=1, most=600),
    )
