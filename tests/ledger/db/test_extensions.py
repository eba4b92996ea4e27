"""The extensions that Ledger requires: where they are, who may call them, and a server without."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from django.contrib.postgres import search
from django.core.checks import run_checks
from django.db import connection

from accounts.models import User
from cookbook.practice.role import as_cookbook_role
from ledger.checks import extensions as checks
from ledger.db.extensions import REQUIRED, SCHEMA
from ledger.db.server.embedded import programs
from ledger.embedded import placement
from tests.conftest import set_role
from tests.factories import UserFactory
from tests.ledger.databases import Database, own_databases
from tests.ledger.processes import (
    assert_one_sentence,
    free_port,
    manage,
    own_data_dir,
    reachable_folder,
)
from tests.pooler import beside, server

NAMES = "SELECT extname FROM pg_extension ORDER BY 1"
PLACES = "SELECT DISTINCT extnamespace::regnamespace FROM pg_extension WHERE extname <> 'plpgsql'"


@pytest.mark.django_db
def test_the_bank_has_those_that_it_requires_and_no_other() -> None:
    """None that needs a superuser, and none that opens a connection to another server."""
    with connection.cursor() as cursor:
        cursor.execute(NAMES)
        assert [name for (name,) in cursor.fetchall()] == sorted(["plpgsql", *REQUIRED])
        cursor.execute(PLACES)
        assert cursor.fetchall() == [(SCHEMA,)]


@pytest.fixture(params=["ledger", "ledger_web"])
def role(request: pytest.FixtureRequest) -> Iterator[None]:
    set_role(request.param)
    yield
    set_role(None)


@pytest.mark.django_db
@pytest.mark.usefixtures("role")
def test_djangos_lookups_find_them() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert SCHEMA not in cursor.fetchone()[0]
    names = ("name__unaccent__startswith", "name__trigram_similar", "name__trigram_word_similar",
             "name__trigram_strict_word_similar")  # fmt: skip
    for name in names:
        assert str(User.objects.filter(**{name: "Jose"}).query)
        list(User.objects.filter(**{name: "Jose"}))
    for function in (
        search.TrigramSimilarity, search.TrigramWordSimilarity, search.TrigramStrictWordSimilarity,
        search.TrigramDistance, search.TrigramWordDistance, search.TrigramStrictWordDistance,
    ):  # fmt: skip
        list(User.objects.annotate(found=function(expression="name", string="kettle")))


@pytest.mark.django_db
def test_accents_and_typos_are_found() -> None:
    UserFactory(name="José Ibáñez")
    UserFactory(name="Ann Kettle")
    found = User.objects.values_list("name", flat=True)
    assert list(found.filter(name__unaccent__icontains="ibanez")) == ["José Ibáñez"]
    assert list(found.filter(name__trigram_word_similar="Ketle")) == ["Ann Kettle"]


@pytest.mark.usefixtures("practice_bank")
@pytest.mark.django_db
def test_recipes_call_them_by_their_own_names() -> None:
    with as_cookbook_role(writes=False), connection.cursor() as cursor:
        cursor.execute("SELECT unaccent('Café'), similarity('ketle', 'kettle') > 0.6")
        assert cursor.fetchone() == ("Cafe", True)


@pytest.mark.django_db(transaction=True)
def test_one_in_another_schema_is_told() -> None:
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser moves the functions of an extension")
    with beside(user="postgres") as it:
        assert list(checks.extensions(it)) == []
        it.execute("ALTER EXTENSION unaccent SET SCHEMA public")
        try:
            (told,) = run_checks(tags=["database"], databases=["default"])
        finally:
            it.execute(f"ALTER EXTENSION unaccent SET SCHEMA {SCHEMA}".encode())
    assert "unaccent" in told.msg
    assert "public" in told.msg
    assert told.hint
    assert f"SET SCHEMA {SCHEMA}" in told.hint


@pytest.fixture
def without_unaccent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The embedded server, as if its contrib were not installed."""
    found = programs()
    package = found.parent.parent
    libraries = package.with_suffix(".libs")
    with reachable_folder() as folder:
        shutil.copytree(package, folder / package.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
        copied = folder / found.relative_to(package.parent)
        for file in (copied.parent / "share").rglob("unaccent*.control"):
            file.unlink()
        monkeypatch.setattr(placement, "programs", lambda: copied)
        yield


@pytest.mark.usefixtures("without_unaccent")
def test_a_server_without_one_is_told_before_anything_is_changed() -> None:
    with own_databases() as databases:
        bank = databases.new("nothing")
        bank.run("createdb")

        plain, named = ["check"], ["check", "--database", "default"]
        for command in (["migrate"], ["prepare"], plain, named):
            done = bank.manage(*command)
            assert done.returncode != 0
            for word in ("unaccent", "contrib", "postgresql-18"):
                assert word in done.stderr
            assert "Traceback" not in done.stderr
            assert "pg_trgm" not in done.stderr, "it is there"
        assert bank.values("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
        assert_one_sentence(bank.manage("migrate", "-v0", "--skip-checks"), "Nothing was changed")
        # As one of an older wheel that still runs.
        embedded = manage(databases.folder, "migrate", "-v0", "--skip-checks")
        assert_one_sentence(embedded, "unaccent", "make stop")


def execute(database: Database, sql: str) -> None:
    with closing(psycopg.connect(database.url, autocommit=True)) as session:
        session.execute(sql.encode())


@pytest.fixture
def empty() -> Iterator[Database]:
    with own_databases() as databases:
        yield databases.new("empty")


@pytest.mark.parametrize("named", [(), ("--database", "default")], ids=["plain", "named"])
def test_one_that_was_dropped_is_told_by_the_command_that_makes_it(
    empty: Database, named: tuple[str, ...]
) -> None:
    assert "no issues" in empty.run("check", *named)
    execute(empty, "DROP EXTENSION btree_gist")

    done = empty.manage("check", *named)

    assert done.returncode != 0
    (command,) = [
        line.partition(": ")[2].partition("database: ")[2]
        for line in done.stderr.splitlines()
        if "CREATE EXTENSION" in line
    ]
    execute(empty, command)
    assert "no issues" in empty.run("check", *named)
    empty.run("migrate", "-v0")


@pytest.mark.parametrize("embedded", [True, False], ids=["embedded", "own"])
def test_a_plain_check_needs_no_database(embedded: bool) -> None:
    with own_data_dir() as folder:
        url = "" if embedded else f"postgresql://ledger@127.0.0.1:{free_port()}/ledger"
        done = manage(folder, "check", DATABASE_URL=url, LEDGER_URL="http://bank.test")
        assert not list(folder.glob("pg*")), "it was started"
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
