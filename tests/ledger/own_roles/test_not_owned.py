"""Logins that are not the owner of the database or of its tables."""

from pathlib import Path

import psycopg
import pytest

from tests.ledger.own_roles.conftest import ADMIN, NAME, OWNER, ManagedServer
from tests.ledger.processes import assert_one_sentence

LOGIN, OTHER, STRANGER, NEW = "tutorial", "tutorial_books", "stranger", "new_books"
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"


def test_migrate_names_who_must_own_the_database(bare: ManagedServer) -> None:
    """The database is as in tutorials: an administrator gave all privileges to a login."""
    postgres = bare.url(ADMIN).replace(NAME, "postgres")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {LOGIN} LOGIN")
        connection.execute(f"CREATE DATABASE {OTHER}")
        connection.execute(f"GRANT ALL PRIVILEGES ON DATABASE {OTHER} TO {LOGIN}")
    url = bare.url(LOGIN).replace(NAME, OTHER)
    done = bare.manage(LOGIN, "migrate", "-v0", DATABASE_URL=url)
    assert_one_sentence(done, "schema public", f"ALTER DATABASE {OTHER} OWNER TO {LOGIN}")


@pytest.mark.parametrize("command", ["migrate", "prepare", "restore"])
def test_an_administrator_creates_no_tables_in_place_of_the_owner(
    command: str, managed: ManagedServer, tmp_path: Path
) -> None:
    url = managed.url(ADMIN).replace(NAME, NEW)
    managed.run(ADMIN, "create_roles", "--owner", OWNER, DATABASE_URL=url)
    words = {"migrate": ["migrate", "-v0"], "prepare": ["prepare", "--no-static"]}
    if command == "restore":
        file = str(tmp_path / "bank.backup")
        managed.run(OWNER, "backup", file)
        words["restore"] = ["restore", file]

    done = managed.manage(ADMIN, *words[command], DATABASE_URL=url)

    assert done.returncode == 1
    assert f"the role {OWNER}" in done.stderr
    assert "Traceback" not in done.stderr
    with psycopg.connect(url) as connection:
        assert connection.execute(TABLES).fetchall() == []


def test_an_administrator_may_run_migrate_without_new_migrations(managed: ManagedServer) -> None:
    managed.run(OWNER, "prepare", "--no-static")
    managed.run(ADMIN, "migrate", "-v0")


def test_prepare_by_a_login_without_rights_was_refused_and_not_unreachable(
    managed: ManagedServer,
) -> None:
    with psycopg.connect(managed.url(ADMIN), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {STRANGER} LOGIN")
    done = managed.manage(STRANGER, "prepare", "--no-static")
    assert_one_sentence(done, f"The login {STRANGER} may not")
