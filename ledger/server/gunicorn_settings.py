"""gunicorn's settings: `gunicorn -c python:ledger.server.gunicorn_settings ledger.wsgi`.

`manage.py serve` starts gunicorn by the same file, with some of them said on the command line.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from ledger import env
from ledger.metrics import shared
from ledger.server.last_connections import take_no_more

# Fewer threads could all wait: two for downloads, three for mails (docs/running.md).
FEWEST_THREADS = 8
# While the processes still accept, and no connection begins: until they have those that had begun.
SECONDS_TO_ACCEPT = 0.25
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  gunicorn opens an unnamed file there

host = env.text("LEDGER_HOST", "127.0.0.1")
port = env.number("PORT", 8000, least=1, most=65535)
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
probe_port = env.number("LEDGER_PROBE_PORT", 0, least=0, most=65535)  # 0: none
worker_class = "gthread"  # a slow client holds a thread: see docs/running.md
workers = env.number("LEDGER_WORKERS", 2, least=1, most=64)
threads = env.number("LEDGER_THREADS", FEWEST_THREADS, least=FEWEST_THREADS, most=128)
# How long a connection is kept for the next request. A proxy or load balancer that keeps it longer
# sends a request into one that is just closed.
keepalive = env.number("LEDGER_KEEP_ALIVE", 5, least=1, most=600)
# A process that does not even run its loop for so long is killed; a request may take longer.
timeout = env.number("LEDGER_WORKER_TIMEOUT", 30, least=5, most=600)
graceful_timeout = env.number("LEDGER_GRACE", 30, least=1, most=600)
preload_app = True  # the processes share the memory of what is loaded
loglevel = "warning"
logger_class = "ledger.server.gunicorn_log.GunicornLog"
accesslog = None  # Django logs requests, by their routes: see ledger/web/request_log.py
# What a client says of itself changes no path and no scheme. Django reads X-Forwarded-Proto, and
# only with LEDGER_BEHIND_PROXY.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
forwarded_allow_ips = ""
control_socket_disable = True  # it would write into the home folder
# Where a process tells that it runs: in memory, also where the file system is read-only.
worker_tmp_dir = str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None
# Where the processes count together, for /metrics; `manage.py serve` has named it already.
_counts = None if shared.is_shared() else shared.new_folder()
raw_env = [f"{shared.FOLDER}={_counts}"] if _counts else []


def when_ready(server: Any) -> None:
    """gunicorn calls it in its first process, whose `stop` closes the listening sockets.

    gthread would reset, at the end of its last request, the connections that it has not accepted by
    then. What `take_no_more` does stays with a socket. So a socket that others keep, systemd or
    another gunicorn during an upgrade (USR2), is left as it is.
    """
    stop = server.stop

    def stop_later(graceful: bool = True) -> None:
        if not (server.systemd or server.reexec_pid or server.master_pid):
            for listener in server.LISTENERS:
                take_no_more(listener.sock)
            time.sleep(SECONDS_TO_ACCEPT)
        stop(graceful)

    server.stop = stop_later


def post_worker_init(worker: Any) -> None:
    """gunicorn calls it in each worker, when the site is loaded."""
    from ledger.server import probe_port as probes  # which reads Django's settings, as the next
    from ledger.server.answers import add_headers

    add_headers(worker)
    if probe_port:
        probes.start(worker.wsgi, host, probe_port)


def on_exit(_server: Any) -> None:
    """gunicorn calls it when it has stopped."""
    if _counts:
        shutil.rmtree(_counts, ignore_errors=True)
