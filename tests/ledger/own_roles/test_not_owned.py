"""A database as tutorials make it: of an administrator, with all privileges for a login."""

import psycopg

from tests.ledger.own_roles.conftest import ADMIN, NAME, ManagedServer
from tests.ledger.processes import assert_one_sentence

LOGIN, OTHER = "tutorial", "tutorial_books"


def test_migrate_names_who_must_own_the_database(bare: ManagedServer) -> None:
    postgres = bare.url(ADMIN).replace(NAME, "postgres")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {LOGIN} LOGIN")
        connection.execute(f"CREATE DATABASE {OTHER}")
        connection.execute(f"GRANT ALL PRIVILEGES ON DATABASE {OTHER} TO {LOGIN}")
    url = bare.url(LOGIN).replace(NAME, OTHER)
    done = bare.manage(LOGIN, "migrate", "-v0", DATABASE_URL=url)
    assert_one_sentence(done, "schema public", f"ALTER DATABASE {OTHER} OWNER TO {LOGIN}")
