"""gunicorn's settings: `gunicorn -c python:ledger.server.gunicorn_settings ledger.wsgi`.

`manage.py serve` starts gunicorn with the same file, and sets some of them on the command line.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from ledger.metrics import shared
from ledger.server.last_connections import take_no_more
from ledger.web_server_settings import web_server

# The time between blocking new connections and the stop, in which processes accept the connections
# that had already begun.
SECONDS_TO_ACCEPT = 0.25
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  gunicorn opens an unnamed file there

_given = web_server()
host, port = _given.host, _given.port
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
worker_class = "gthread"  # a slow client occupies a thread: see docs/running.md
workers, threads = _given.workers, _given.threads
keepalive = _given.keep_alive
timeout, graceful_timeout = _given.worker_timeout, _given.grace
preload_app = True  # the processes share the memory of the loaded code
loglevel = "warning"
logger_class = "ledger.server.gunicorn_log.GunicornLog"
accesslog = None  # Django logs requests, by their routes: see ledger/web/request_log.py
# Headers of a client cannot change the path or the scheme. Django reads X-Forwarded-Proto, but only
# with LEDGER_BEHIND_PROXY.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
forwarded_allow_ips = ""
control_socket_disable = True  # the socket would be in the home folder
# The folder of the files by which processes show that they run. It is in memory, so it also works
# with a read-only file system.
worker_tmp_dir = str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None
# The folder of the shared counts for /metrics, unless `manage.py serve` has already set one.
_counts = None if shared.is_shared() else shared.new_folder()
raw_env = [f"{shared.FOLDER}={_counts}"] if _counts else []


def when_ready(server: Any) -> None:
    """Changes `stop` of gunicorn's first process, which calls this function, so that connections
    are not reset.

    gthread would reset the connections that it has not accepted when its last request ends, so
    `stop` first blocks new connections. `take_no_more` changes the socket itself. So a socket that
    other processes also use, systemd or another gunicorn during an upgrade (USR2), is not changed.
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
    """Prepares a worker. gunicorn calls it in each worker when the site is loaded."""
    from ledger.server import probe_port as probes  # both imports read Django's settings
    from ledger.server.answers import add_headers

    add_headers(worker)
    if _given.probe_port:
        probes.start(worker.wsgi, host, _given.probe_port)


def on_exit(_server: Any) -> None:
    """Deletes the folder of the counts. gunicorn calls it when it has stopped."""
    if _counts:
        shutil.rmtree(_counts, ignore_errors=True)
