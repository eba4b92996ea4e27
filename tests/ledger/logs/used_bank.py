"""A bank with the demo's data on a server of its own, whose processes log JSON into files."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ledger.embedded.roles import OWNER
from ledger.embedded.server import EmbeddedServer
from ledger.env import BASE_DIR
from tests.ledger.processes import LONG, MANAGE, environment, free_port, manage, wait_until

SECRET_KEY = "violet-umbrellas-open-over-0123456789-quiet-harbours-of-nobody"
METRICS_TOKEN = "metrics-of-violet-umbrellas-0123456789"
MAIL_PASSWORD = "postage-stamps-of-violet"
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:ledger.server.gunicorn_settings"]
# What the bank knows of people, money and texts, by the kind of fact.
KNOWN = """
import json
from allauth.account.models import EmailAddress

def all_of(rows, *fields):
    found = rows.objects.values_list(*fields)
    return [value for row in found for value in row if value is not None]

facts = {
    "address": all_of(User, "email") + all_of(EmailAddress, "email"),
    "name": all_of(User, "name") + all_of(Account, "name"),
    "number": all_of(Account, "number"),
    "password": all_of(User, "password"),
    "text": all_of(Transaction, "description", "reference"),
    "metadata": all_of(Transaction, "metadata"),
    "amount": [*map(str, all_of(Transaction, "amount", "from_balance", "to_balance"))],
    "balance": [*map(str, all_of(Account, "balance", "held", "overdraft_limit"))],
    "note": all_of(Annotation, "text", "tags"),
}
print(json.dumps(facts))
"""


class UsedBank:
    """`web`, `start` and `run` write into files of the folder; `quietly` does what is no part of
    the day.
    """

    def __init__(self, folder: Path, mail_port: int) -> None:
        self.data, self.logs = folder / "data", folder / "logs"
        self.logs.mkdir()
        self.server = EmbeddedServer(self.data)
        self.port = free_port()
        self.quietly("prepare")
        self.quietly("seed_demo", "--force", "--users", "14", "--months", "1")
        info = self.server.ensure_started()
        self.settings = environment(
            self.data, DJANGO_SETTINGS_MODULE="ledger.settings", LOG_FORMAT="json",
            LOG_LEVEL="DEBUG", SECRET_KEY=SECRET_KEY, DB_NAME="ledger", DB_HOST=info.host,
            DB_PORT=str(info.port), DB_USER=OWNER, PORT=str(self.port),
            LEDGER_URL=f"http://localhost:{self.port}", LEDGER_BEHIND_PROXY="True",
            LEDGER_PROXY_REQUEST_ID="True", LEDGER_STAFF_SECOND_FACTOR="False",
            LEDGER_METRICS_TOKEN=METRICS_TOKEN, LEDGER_COOKBOOK="False",
            EMAIL_URL=f"smtp://postmaster:{MAIL_PASSWORD}@127.0.0.1:{mail_port}",
        )  # fmt: skip
        self.running: list[subprocess.Popen[bytes]] = []

    def quietly(self, *arguments: str) -> str:
        done = manage(self.data, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sql(self, statements: str) -> None:
        """As the owner of the tables."""
        code = f"from django.db import connection; connection.cursor().execute({statements!r})"
        self.quietly("shell", "-v", "0", "-c", code)

    def web(self) -> subprocess.Popen[bytes]:
        found = self._started([*GUNICORN, "ledger.wsgi"], "web", DB_USER="ledger_web")
        wait_until(self._answers)
        return found

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self._started([*MANAGE, *arguments], arguments[0])

    def run(self, *arguments: str) -> int:
        return self.start(*arguments).wait(LONG)

    def _started(self, command: list[str], name: str, **more: str) -> subprocess.Popen[bytes]:
        file = self.logs / f"{len(self.running):02}-{name}.log"
        with file.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=BASE_DIR, env={**self.settings, **more}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.running.append(process)
        return process

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def known(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = json.loads(self.quietly("shell", "-v", "0", "-c", KNOWN))
        return found

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(LONG)

    def lines(self) -> list[str]:
        """All that was written."""
        files = sorted(self.logs.iterdir())
        return [line for file in files for line in file.read_text().splitlines()]
