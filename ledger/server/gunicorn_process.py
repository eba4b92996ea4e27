"""Runs gunicorn as a child process of `manage.py serve`."""

import http.client
import shutil
from types import TracebackType

from ledger.metrics import shared
from ledger.server import gunicorn_settings
from ledger.server.child_process import ChildProcess
from ledger.server.ports import address_of


class WebServer(ChildProcess):
    """The process of gunicorn, as a context manager. The process loads the site when the block
    begins, and answers requests after a call of `open`.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.counts = None if shared.is_shared() else shared.new_folder()
        options = {
            "config": f"python:{gunicorn_settings.__name__}",
            "bind": address_of(host, port),
        }
        super().__init__(
            ["-m", "ledger.server.web_process"]
            + [f"--{name}={value}" for name, value in options.items()]
            + ["ledger.wsgi"],
            gunicorn_settings.graceful_timeout + 2,
            {shared.FOLDER: str(self.counts)} if self.counts else {},
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, traceback)
        finally:
            if self.counts:
                shutil.rmtree(self.counts, ignore_errors=True)

    def answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=1)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
