"""How gunicorn runs. `ledger.settings` reads it too, so that a wrong value stops every command."""

from typing import NamedTuple

from ledger import env

# Fewer threads could all wait: two for downloads, three for mails (docs/running.md).
FEWEST_THREADS = 8


class GunicornSettings(NamedTuple):
    """Times are in seconds; `probe_port` is 0 for none."""

    host: str
    port: int
    probe_port: int
    workers: int
    threads: int
    keep_alive: int
    worker_timeout: int
    grace: int


def web_server() -> GunicornSettings:
    """Reads it from the environment or `.env`."""
    return GunicornSettings(
        host=env.text("LEDGER_HOST", "127.0.0.1"),
        port=env.number("PORT", 8000, least=1, most=env.LAST_PORT),
        probe_port=env.number("LEDGER_PROBE_PORT", 0, least=0, most=env.LAST_PORT),
        workers=env.number("LEDGER_WORKERS", 2, least=1, most=64),
        threads=env.number("LEDGER_THREADS", FEWEST_THREADS, least=FEWEST_THREADS, most=128),
        # A proxy or load balancer that keeps a connection longer sends a request into one that is
        # just closed.
        keep_alive=env.number("LEDGER_KEEP_ALIVE", 5, least=1, most=600),
        # A process that does not even run its loop for so long is killed; requests may take longer.
        worker_timeout=env.number("LEDGER_WORKER_TIMEOUT", 30, least=5, most=600),
        grace=env.number("LEDGER_GRACE", 30, least=1, most=600),
    )
