"""gunicorn's settings: `gunicorn -c python:ledger.server.gunicorn_settings ledger.wsgi`.

`manage.py serve` starts gunicorn by the same file, with some of them said on the command line.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from ledger.metrics import shared
from ledger.server.last_connections import take_no_more
from ledger.web_server_settings import web_server

# While the processes still accept, and no connection begins: until they have those that had begun.
SECONDS_TO_ACCEPT = 0.25
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  gunicorn opens an unnamed file there

_given = web_server()
host, port = _given.host, _given.port
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
worker_class = "gthread"  # a slow client holds a thread: see docs/running.md
workers, threads = _given.workers, _given.threads
keepalive = _given.keep_alive
timeout, graceful_timeout = _given.worker_timeout, _given.grace
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
    if _given.probe_port:
        probes.start(worker.wsgi, host, _given.probe_port)


def on_exit(_server: Any) -> None:
    """gunicorn calls it when it has stopped."""
    if _counts:
        shutil.rmtree(_counts, ignore_errors=True)
