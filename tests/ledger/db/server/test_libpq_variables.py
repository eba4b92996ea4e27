"""Variables of the environment from which libpq fills gaps: none leads the embedded server's
connections elsewhere, or ends them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.db.server import libpq_variables
from ledger.embedded.pair import Pair
from ledger.embedded.removal import delete_everything
from ledger.env import BASE_DIR
from tests.ledger.processes import LONG, MANAGE, environment, reachable_folder

# As somebody may have them who works with other databases, or mistyped them.
STRAY = {
    "PGHOSTADDR": "192.0.2.1",
    "PGHOST": "db.example.invalid",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATABASE": "elsewhere",
    "PGSERVICE": "warehouse",
    "PGSERVICEFILE": "/nowhere/services",
    "PGOPTIONS": "-c no_such_setting=1",
    "PGSSLMODE": "rubbish",
    "PGTARGETSESSIONATTRS": "rubbish",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGREQUIREPEER": "somebody_else",
    "PGCONNECT_TIMEOUT": "soon",
    "PGCLIENTENCODING": "rubbish",
    "PGTZ": "Nowhere/Rubbish",
    "PGLOADBALANCEHOSTS": "rubbish",
}
# Each of these alone, and then all: one that ends every connection would hide where another leads.
ALONE = ("PGHOSTADDR", "PGHOST", "PGPORT", "PGSERVICE", "PGOPTIONS", "PGSSLMODE")
# The settings of a server of one's own refuse it.
HARMFUL = "-c default_transaction_isolation=serializable"
ASKS = """
import django; django.setup()
from django.db import connection
from ledger.embedded import roles
from ledger.embedded.instance import default_server
with connection.cursor() as cursor:
    cursor.execute("SELECT current_user")
    print(*cursor.fetchone())
pair = default_server()
print(pair.primary.ask("SELECT current_user"), pair.standby.ask("SELECT pg_is_in_recovery()"))
pair.ensure_roles()
"""
ANSWER = "ledger\npostgres True\n"
LEFT = """
import json, os
import ledger.settings
print(json.dumps({name: value for name, value in os.environ.items() if name.startswith("PG")}))
"""


def python(program: str, data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run(
        [sys.executable, "-c", program],
        data_dir,
        DJANGO_SETTINGS_MODULE="ledger.settings",
        **variables,
    )


def run(command: list[str], data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=BASE_DIR, env=environment(data_dir, **variables), timeout=LONG,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with reachable_folder() as folder:
        found = Pair(folder / "data")
        try:
            found.make()
            yield found
        finally:
            delete_everything(folder / "data")


@pytest.mark.parametrize("name", [*ALONE, "all of them"])
def test_a_stray_variable_leads_no_connection_of_the_embedded_server_elsewhere(
    name: str, pair: Pair
) -> None:
    variables = {name: STRAY[name]} if name in STRAY else STRAY

    done = python(ASKS, pair.data_dir, **variables)

    assert done.stdout == ANSWER, done.stderr


def test_a_bank_is_made_and_copied_with_stray_variables() -> None:
    """By the programs of Postgres too, which libpq connects as well."""
    with reachable_folder() as folder:
        data_dir, file = folder / "data", folder / "copy"
        try:
            for command in (
                ["prepare"],
                ["backup", str(file)],
                ["dbshell", "--", "-c", "SELECT 1"],
                ["stop_db"],
            ):
                done = run([*MANAGE, *command], data_dir, **STRAY)
                assert done.returncode == 0, done.stderr
        finally:
            delete_everything(data_dir)


def test_no_variable_of_libpq_is_left_where_the_server_is_the_embedded_one(tmp_path: Path) -> None:
    names = dict.fromkeys(libpq_variables.names(), "rubbish")

    done = python(LEFT, tmp_path, **names | {"PGOPTIONS": HARMFUL, "PGDATA": "/not/of/libpq"})

    assert json.loads(done.stdout) == {"PGDATA": "/not/of/libpq"}


def test_a_server_of_ones_own_keeps_them(tmp_path: Path) -> None:
    own = {"DATABASE_URL": "postgresql://me@localhost/books"}

    done = python(LEFT, tmp_path, PGPASSFILE="/a/file", PGTZ="Asia/Tokyo", **own)

    assert json.loads(done.stdout) == {"PGPASSFILE": "/a/file", "PGTZ": "Asia/Tokyo"}


def test_all_of_these_are_known() -> None:
    assert STRAY.keys() <= libpq_variables.names()
