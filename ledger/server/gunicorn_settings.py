"""gunicorn's settings: `gunicorn -c python:ledger.server.gunicorn_settings ledger.wsgi`.

`manage.py serve` also uses this file, and sets some settings on the command line.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from ledger.metrics import shared
from ledger.server.last_connections import take_no_more
from ledger.server.ports import address_of, check_is_free
from ledger.web_server_settings import web_server

# When gunicorn stops, it first blocks new connections. For this many seconds, the processes then
# still accept connections that had already begun.
SECONDS_TO_ACCEPT = 0.25
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  gunicorn opens an unnamed file there

_given = web_server()
host, port = _given.host, _given.port
bind = address_of(host, port)
worker_class = "gthread"  # a slow client occupies a thread: see docs/running.md
workers, threads = _given.workers, _given.threads
keepalive = _given.keep_alive
timeout, graceful_timeout = _given.worker_timeout, _given.grace
preload_app = True  # the processes share the memory in which the code is loaded
loglevel = "warning"
logger_class = "ledger.server.gunicorn_log.GunicornLog"
# Django logs requests with the names of their routes: see ledger/web/request_log.py.
accesslog = None
# Headers from a client cannot change the path or the scheme. Django reads X-Forwarded-Proto, but
# only if LEDGER_BEHIND_PROXY is set.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
forwarded_allow_ips = ""
control_socket_disable = True  # the control socket would be in the home folder
# The folder for the files with which processes show that they are running. It is in memory, so it
# also works if the file system is read-only.
worker_tmp_dir = str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None
# The folder for the metrics that the processes share, unless `manage.py serve` has already set a
# folder.
_counts = None if shared.is_shared() else shared.new_folder()
raw_env = [f"{shared.FOLDER}={_counts}"] if _counts else []


def on_starting(server: Any) -> None:
    """Checks that nobody uses the port for probes, because the processes of two servers could share
    this port. gunicorn's first process calls this function.

    A server that replaces another one (an upgrade with USR2) uses the same port for some seconds.

    Raises OSError if the port is in use.
    """
    if _given.probe_port and not server.master_pid:
        check_is_free(host, _given.probe_port)


def when_ready(server: Any) -> None:
    """Makes gunicorn stop without resetting connections. gunicorn's first process calls this
    function.

    When gthread ends, it resets the connections that it has not accepted. Therefore `stop` first
    blocks new connections with `take_no_more`. A socket that is shared with systemd or with another
    gunicorn (an upgrade with USR2) is not blocked, because the block would also affect the other
    processes.
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
    """Prepares a worker. gunicorn calls this function in each worker after the site is loaded."""
    from ledger.server import probe_port as probes  # these imports read Django's settings
    from ledger.server.answers import add_headers
    from ledger.web import waiting

    add_headers(worker)
    waiting.note_begin()
    if _given.probe_port:
        probes.start(worker.wsgi, host, _given.probe_port)


def on_exit(_server: Any) -> None:
    """Deletes the folder of the shared metrics. gunicorn calls this function at its end."""
    if _counts:
        shutil.rmtree(_counts, ignore_errors=True)
