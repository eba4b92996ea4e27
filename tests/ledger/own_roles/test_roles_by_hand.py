"""The roles that the SQL of docs/rights.md makes, and those of `tests.prepare_server`."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ledger.db.rights import kept_from_queries
from ledger.db.server.versions import MEMBERSHIPS_HAVE_INHERIT
from ledger.embedded import roles
from ledger.embedded.server import EmbeddedServer
from ledger.env import BASE_DIR
from tests.ledger.processes import own_data_dir
from tests.ledger.servers import superuser_of
from tests.ledger.tls_server import NEEDS_DEBIANS_POSTGRES, TlsServer, tls_server
from tests.prepare_server import prepare

PAGE = (BASE_DIR / "docs" / "rights.md").read_text()
BLOCKS = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BY_HAND = next(block for block in BLOCKS if "CREATE DATABASE" in block)
NEWER = re.findall(r"^GRANT .* WITH INHERIT FALSE.*;", BY_HAND, re.MULTILINE)
OLDER = next(block for block in BLOCKS if "NOINHERIT" in block and block != BY_HAND)
Connection = psycopg.Connection[Any]


@pytest.fixture
def debians() -> Iterator[TlsServer]:
    with tls_server() as found:
        found.start()
        yield found


@pytest.fixture
def superuser_of_debians(debians: TlsServer) -> Iterator[Connection]:
    with psycopg.connect(url_of(debians), autocommit=True) as found:
        yield found


@pytest.fixture
def superuser_of_embedded() -> Iterator[Connection]:
    with (
        own_data_dir() as data_dir,
        superuser_of(EmbeddedServer(data_dir)) as found,
    ):
        yield found


def url_of(server: TlsServer) -> str:
    return f"postgresql://postgres@/postgres?host={server.folder}&port={server.port}"


def assert_web_inherits_nothing(superuser: Connection, owner: str) -> None:
    """It may become the cookbook's role, but has none of its rights before."""
    has = "SELECT pg_has_role(%s, %s, 'MEMBER'), pg_has_role(%s, %s, 'USAGE')"
    web, cookbook = f"{owner}_web", f"{owner}_cookbook"
    assert superuser.execute(has, [web, cookbook] * 2).fetchone() == (True, False)
    assert superuser.execute(has, [owner, f"{owner}_web_rows"] * 2).fetchone() == (True, True)


@pytest.mark.parametrize(
    "kind", ["embedded", pytest.param("debians", marks=NEEDS_DEBIANS_POSTGRES)]
)
def test_the_sql_of_the_page_takes_the_functions_that_create_roles_takes(
    kind: str, request: pytest.FixtureRequest
) -> None:
    superuser: Connection = request.getfixturevalue(f"superuser_of_{kind}")
    by_page = {
        function
        for block in BLOCKS
        for sql in block.split(r"\gexec")
        if "ledger_web" in sql and "FROM pg_proc" in sql
        for (statement,) in superuser.execute(sql.encode())
        for function in re.findall(r"REVOKE EXECUTE ON FUNCTION (\S+) FROM", statement)
    }
    known = f"SELECT oid::regprocedure::text FROM pg_proc WHERE {kept_from_queries.IN_GROUP}"
    groups = (
        kept_from_queries.FOR_BOOKING_ROLES,
        kept_from_queries.FOR_BANK_ROLES,
        kept_from_queries.COUNTERS,
    )
    assert by_page == {name for (name,) in superuser.execute(known, ["|".join(groups)])}


@pytest.mark.parametrize(
    "kind", ["embedded", pytest.param("debians", marks=NEEDS_DEBIANS_POSTGRES)]
)
def test_the_sql_of_the_page_runs_on_each_version(
    kind: str, request: pytest.FixtureRequest
) -> None:
    superuser: Connection = request.getfixturevalue(f"superuser_of_{kind}")
    is_old = superuser.info.server_version < MEMBERSHIPS_HAVE_INHERIT
    assert len(NEWER) == 1
    script = BY_HAND
    for each in NEWER if is_old else ():
        script = script.replace(each, "")
    script += OLDER if is_old else ""
    for line in script.replace("ledger", "page").splitlines():
        superuser.execute(line.encode())
    assert_web_inherits_nothing(superuser, "page")


@NEEDS_DEBIANS_POSTGRES
def test_a_server_is_prepared_for_the_tests_again_and_again(
    debians: TlsServer, superuser_of_debians: Connection
) -> None:
    for _ in range(2):
        prepare(url_of(debians))
        assert_web_inherits_nothing(superuser_of_debians, roles.OWNER)
        superuser_of_debians.execute("REVOKE ledger_cookbook FROM ledger_web")
