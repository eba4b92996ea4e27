"""Row-level security behind a pool: two people share one connection to Postgres, through Django's
pool or through pgbouncer in transaction mode.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.client import ClientHandler

from accounts.models import Account
from ledger.db.rights.row_security import SETTING
from tests import conftest
from tests.factories import AccountFactory, UserFactory
from tests.pooler import NEEDS_PGBOUNCER, connected, own_pool, pgbouncer
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)
EACH = 100  # requests of each of the two people
BARE = (
    "SELECT count(*) FROM accounts",
    f"SELECT coalesce(current_setting('{SETTING}', true), '')",
    "SELECT pg_backend_pid()",
)
# Changes that smuggled SQL leaves in a session, and how the next person would notice them.
LEFT = {
    "a token": (
        "SELECT set_config('{setting}', 'forged', false)",
        "SELECT 1 WHERE current_setting('{setting}', true) <> ''",
    ),
    "a role": ("SET ROLE ledger_cookbook", "SELECT 1 WHERE current_user <> 'ledger_web'"),
    "a path": (
        "SET search_path = elsewhere",
        "SELECT 1 WHERE current_schema() IS NULL",
    ),
    "rows": (
        "DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
        "SELECT 1 FROM pg_cursors WHERE is_holdable",
    ),
    "a statement": ("PREPARE mine AS SELECT 1", "SELECT 1 FROM pg_prepared_statements"),
    "a lock": (
        "SELECT pg_advisory_lock(1)",
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
    "a channel": ("LISTEN mine", "SELECT pg_listening_channels()"),
}


@contextmanager
def through_pgbouncer() -> Iterator[dict[str, Any]]:
    with pgbouncer() as pooler:
        yield pooler.settings(USER=settings.LEDGER_WEB_ROLE)


@contextmanager
def through_pool() -> Iterator[dict[str, Any]]:
    with own_pool(seconds=60, USER=settings.LEDGER_WEB_ROLE) as found:
        yield found


WAYS = [
    pytest.param(through_pool, id="pool"),
    pytest.param(through_pgbouncer, id="pgbouncer", marks=NEEDS_PGBOUNCER),
]


@pytest.fixture(autouse=True)
def pages_of_the_pooler(rows_secured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes test clients use the pooler's login, which already is the web role."""
    monkeypatch.setattr(ClientHandler, "__call__", conftest._handle)


def signed_in(name: str) -> tuple[Client, Account]:
    """Returns the client and the account of a person with a payment that contains their name."""
    account: Account = AccountFactory(user=UserFactory(name=name))
    services.deposit(to_account=account, amount=Decimal(10), description=f"Salary of {name}")
    client = Client()
    client.force_login(account.user)
    return client, account


def read(
    through: dict[str, Any], client: Client, account: Account, stranger: Account, start: Barrier
) -> tuple[set[str], set[Any]]:
    """Returns the rows that 100 requests on this connection saw, and the server sessions that these
    requests used.
    """
    seen, sessions = set(), set()
    paths = ("/", f"/accounts/{account.pk}/", "/search/?q=salary", f"/accounts/{stranger.pk}/")
    with connected(through):
        start.wait()
        for number in range(EACH):
            response = client.get(paths[number % len(paths)])
            connection.close()  # as at the end of a request; the test client keeps the connection
            text = response.content.decode()
            seen |= {f"{response.status_code}"}
            seen |= {name for name in ("Salary of Ana", "Salary of Ben") if name in text}
            count, token, session = (value(sql) for sql in BARE)
            assert (count, token) == (0, "")  # between requests, the session has no reader
            sessions.add(session)
            connection.close()
    return seen, sessions


def rows(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def value(sql: str) -> Any:
    ((found,),) = rows(sql)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_two_people_on_one_connection_see_only_their_own_rows(way: Any) -> None:
    (ana, ana_account), (ben, ben_account) = signed_in("Ana"), signed_in("Ben")
    start = Barrier(2, timeout=60)
    with way() as through, ThreadPoolExecutor(2) as threads:
        of_ana = threads.submit(read, through, ana, ana_account, ben_account, start)
        of_ben = threads.submit(read, through, ben, ben_account, ana_account, start)
        (seen_by_ana, one), (seen_by_ben, other) = of_ana.result(), of_ben.result()
    assert seen_by_ana == {"200", "404", "Salary of Ana"}
    assert seen_by_ben == {"200", "404", "Salary of Ben"}
    assert one == other
    assert len(one) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("left", LEFT)
def test_what_one_person_leaves_in_the_session_is_not_there_for_the_next(
    left: str, way: Any
) -> None:
    leave, look = (sql.format(setting=SETTING) for sql in LEFT[left])
    with way() as through:
        with connected(through):
            session = value("SELECT pg_backend_pid()")
            rows(leave)
        with connected(through):
            assert rows(look) == []
            assert value("SELECT pg_backend_pid()") == session


@NEEDS_PGBOUNCER
def test_the_site_is_not_ready_behind_a_pooler_that_keeps_what_was_left(client: Client) -> None:
    with (
        pgbouncer(further="server_reset_query_always = 0") as pooler,
        connected(pooler.settings(USER=settings.LEDGER_WEB_ROLE)),
    ):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "server_reset_query_always = 1" in answer.json()["problem"]


@NEEDS_PGBOUNCER
def test_the_site_is_ready_behind_a_pooler_that_cleans(client: Client) -> None:
    with pgbouncer() as pooler, connected(pooler.settings(USER=settings.LEDGER_WEB_ROLE)):
        assert client.get("/readyz").json() == {"status": "ready"}
