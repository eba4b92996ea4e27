"""`manage.py createdb` creates the database of the settings, and no other."""

from collections.abc import Callable

import pytest

from tests.ledger.databases import Database
from tests.ledger.processes import assert_one_sentence, free_port

DATABASES = "SELECT datname FROM pg_database ORDER BY 1"


def test_it_may_be_named_as_the_settings_name_it(new_database: Callable[[str], Database]) -> None:
    database = new_database("nothing")
    database.run("createdb", database.name)
    assert database.name in database.values(DATABASES)


def test_another_name_is_refused(people: Database) -> None:
    before = people.values(DATABASES)
    done = people.manage("createdb", "mydb")
    assert_one_sentence(done, people.name, "mydb", "DATABASE_URL", "DB_NAME")
    assert people.values(DATABASES) == before


@pytest.mark.parametrize("options", [["-U", "postgres", "mydb"], ["mydb", "--owner=me"]])
def test_options_of_postgres_are_refused(options: list[str], people: Database) -> None:
    done = people.manage("createdb", *options)
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr
    assert "createdb [name]\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_server_it_says_only_that(people: Database) -> None:
    away = f"postgresql://ledger:x@localhost:{free_port()}/ledger"
    assert_one_sentence(people.manage("createdb", DATABASE_URL=away), "cannot be reached")


def test_a_role_needs_the_right(people: Database) -> None:
    of_web = people.url.replace("//ledger@", "//ledger_web@").replace(people.name, "of_web")
    done = people.manage("createdb", DATABASE_URL=of_web)
    assert_one_sentence(done, "ledger_web", "CREATEDB")


def test_a_database_that_exists_is_left_and_what_comes_next_is_named(people: Database) -> None:
    assert_one_sentence(people.manage("createdb"), people.name, "exists", "manage.py prepare")
