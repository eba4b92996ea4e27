"""Row-level security behind a transaction pooler: two people share one connection to Postgres."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.client import ClientHandler

from accounts.models import Account
from ledger.db.row_security import SETTING
from tests import conftest
from tests.factories import AccountFactory, UserFactory
from tests.pooler import PROGRAM, pooled
from transactions import services
from transactions.row_security import installation

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed"),
]
EACH = 100  # requests of each of the two
BARE = (
    "SELECT count(*) FROM accounts",
    f"SELECT coalesce(current_setting('{SETTING}', true), '')",
    "SELECT pg_backend_pid()",
)


@pytest.fixture(autouse=True)
def row_security(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.LEDGER_ROW_SECURITY = True
    installation.apply()
    # The pooler signs in as the web role, so no test client has to become it.
    monkeypatch.setattr(ClientHandler, "__call__", conftest._handle)
    yield
    settings.LEDGER_ROW_SECURITY = settings.ROW_SECURITY_OF_TESTS
    installation.apply()


def signed_in(name: str) -> tuple[Client, Account]:
    """Somebody with a payment that has their name."""
    account: Account = AccountFactory(user=UserFactory(name=name))
    services.deposit(to_account=account, amount=Decimal(10), description=f"Salary of {name}")
    client = Client()
    client.force_login(account.user)
    return client, account


def read(
    pooler: dict[str, Any], client: Client, account: Account, stranger: Account, start: Barrier
) -> tuple[set[str], set[Any]]:
    """What 100 requests through the pooler saw, and the server's sessions that they used."""
    connection.settings_dict = {**connection.settings_dict, **pooler}
    seen, sessions = set(), set()
    paths = ("/", f"/accounts/{account.pk}/", "/search/?q=salary", f"/accounts/{stranger.pk}/")
    start.wait()
    try:
        for number in range(EACH):
            response = client.get(paths[number % len(paths)])
            text = response.content.decode()
            seen |= {f"{response.status_code}"}
            seen |= {name for name in ("Salary of Ana", "Salary of Ben") if name in text}
            count, token, session = (_alone(sql) for sql in BARE)
            assert (count, token) == (0, "")  # between requests there is no reader
            sessions.add(session)
    finally:
        connection.close()
    return seen, sessions


def _alone(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_two_people_on_one_connection_see_only_their_own_rows() -> None:
    (ana, ana_account), (ben, ben_account) = signed_in("Ana"), signed_in("Ben")
    start = Barrier(2)
    with pooled() as pooler, ThreadPoolExecutor(2) as pool:
        of_ana = pool.submit(read, pooler, ana, ana_account, ben_account, start)
        of_ben = pool.submit(read, pooler, ben, ben_account, ana_account, start)
        (seen_by_ana, one), (seen_by_ben, other) = of_ana.result(), of_ben.result()
    assert seen_by_ana == {"200", "404", "Salary of Ana"}
    assert seen_by_ben == {"200", "404", "Salary of Ben"}
    assert one == other
    assert len(one) == 1
