"""A server that asks for passwords over TCP, and what stands in for AWS."""

import gc
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ledger.db.server.credentials import Place
from ledger.embedded import roles
from ledger.embedded.server import EmbeddedServer
from tests.ledger.processes import free_port

HOST, TELLER = "127.0.0.1", "teller"
SECRET_ID = "bank/teller"
REGION = "eu-west-1"
PLACE = Place("bank.cluster-1.eu-west-1.rds.amazonaws.com", 5433, TELLER)
# botocore's own settings, so that nothing of this machine's is read.
AWS = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}
ASKS_FOR_PASSWORDS = "local all all trust\nhost all all 127.0.0.0/8 scram-sha-256\n"


class HandClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class GuardedServer(EmbeddedServer):
    """An embedded server that also listens on a port, where roles sign in by password."""

    def __init__(self, data_dir: Path, host: str = HOST) -> None:
        super().__init__(data_dir)
        self.host, self.port = host, free_port()

    def guard(self) -> None:
        """Starts it again with its port open."""
        self.ensure_started()
        self.stop()
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses = '{self.host}'\nport = {self.port}\n")
        (self.data / "pg_hba.conf").write_text(ASKS_FOR_PASSWORDS)
        self.ensure_started()

    def run(self, statement: str | sql.Composed) -> None:
        """As the superuser."""
        running = self._running()
        assert running is not None
        with roles.as_superuser(running, "ledger") as connection:
            connection.execute(statement)

    def value(self, query: str) -> Any:
        """The one value that this query gives the superuser."""
        running = self._running()
        assert running is not None
        with roles.as_superuser(running, "ledger") as connection:
            (found,) = connection.execute(query).fetchone() or (None,)
        return found

    def set_password(self, password: str, seconds: int | None = None, user: str = TELLER) -> None:
        """Makes the role if need be; its older password is dead at once, this one after a while."""
        until = f"now() + interval '{seconds} seconds'" if seconds else "'infinity'"
        self.run(
            f"DO $$ BEGIN IF to_regrole('{user}') IS NULL THEN CREATE ROLE {user} LOGIN; END IF;"
            f" EXECUTE format('ALTER ROLE {user} PASSWORD %L VALID UNTIL %L',"
            f" '{password}', {until}); END $$"
        )

    def lets_in(self, password: str, user: str = TELLER) -> bool:
        try:
            psycopg.connect(**self.parameters, user=user, password=password).close()
        except psycopg.OperationalError:
            return False
        return True

    def end_sessions(self, user: str = TELLER) -> None:
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'")

    @property
    def parameters(self) -> dict[str, Any]:
        return {"host": self.host, "port": self.port, "dbname": "ledger"}


class SecretsManager(ThreadingHTTPServer):
    """Answers GetSecretValue as AWS does. `login` is what the secret holds now."""

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Answers)
        self.login, self.asked, self.is_away = {"username": TELLER, "password": ""}, 0, False

    @property
    def environment(self) -> dict[str, str]:
        """What sends boto3 here."""
        return {**AWS, "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://{HOST}:{self.server_port}"}


class Rotation:
    """What AWS's rotation does with the server and the secret."""

    def __init__(self, server: GuardedServer, manager: SecretsManager) -> None:
        self.server, self.manager = server, manager

    def of_one_user(self, round: int) -> None:
        """Between the two steps, no login is right."""
        self.server.set_password(f"password-{round}")
        self.manager.login = {"username": TELLER, "password": f"password-{round}"}

    def of_two_users(self, round: int) -> None:
        """The other user's turn: the login from before stays right until the next one."""
        user = f"{TELLER}_clone" if round % 2 else TELLER
        self.server.set_password(f"password-{round}", user=user)
        self.manager.login = {"username": user, "password": f"password-{round}"}


def who(database: Any) -> str:
    with database.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (found,) = cursor.fetchone()
    database.close()
    return str(found)


class _Answers(BaseHTTPRequestHandler):
    server: SecretsManager

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
        assert asked["SecretId"] == SECRET_ID
        self.server.asked += 1
        text = json.dumps(self.server.login)
        answer = json.dumps({"SecretString": text, "Name": SECRET_ID}).encode()
        self.send_response(500 if self.server.is_away else 200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def let_driver_go() -> None:
    """Ends the threads of AWS's driver, and the connections that it left open."""
    from aws_advanced_python_wrapper import release_resources

    release_resources()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def secrets_manager() -> Iterator[SecretsManager]:
    with SecretsManager() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
