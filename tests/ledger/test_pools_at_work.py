"""Payments through each pool: eight threads at once, and what a customer gets when every connection
is taken.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from itertools import permutations
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.client import ClientHandler

from accounts.models import Account
from ledger.db.ids import uuid7
from tests import conftest
from tests.factories import AccountFactory, balances
from tests.pooler import NEEDS_PGBOUNCER, connected, own_pool, pgbouncer
from tests.reviews import TRANSFER, reviewed
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)
THREADS, EACH = 8, 12
Through = Callable[..., AbstractContextManager[dict[str, Any]]]


@contextmanager
def through_pgbouncer(*, size: int = 1, seconds: int = 60) -> Iterator[dict[str, Any]]:
    with pgbouncer(size=size, further=f"query_wait_timeout = {seconds}") as pooler:
        yield pooler.settings(USER=settings.LEDGER_WEB_ROLE)


@contextmanager
def through_pool(*, size: int = 1, seconds: int = 60) -> Iterator[dict[str, Any]]:
    with own_pool(size=size, seconds=seconds, USER=settings.LEDGER_WEB_ROLE) as found:
        yield found


WAYS = [
    pytest.param(through_pool, id="pool"),
    pytest.param(through_pgbouncer, id="pgbouncer", marks=NEEDS_PGBOUNCER),
]


@pytest.fixture
def pages_as_they_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connections sign in as the web role, so no test client has to become it."""
    monkeypatch.setattr(ClientHandler, "__call__", conftest._handle)


def pay(through: dict[str, Any], accounts: list[Account], number: int, start: Barrier) -> int:
    """Pays round and round, each payment as a request of its own; returns how many."""
    pairs = list(permutations(accounts, 2))
    with connected(through):
        start.wait()
        for turn in range(EACH):
            payer, payee = pairs[(number + turn) % len(pairs)]
            services.transfer(from_account=payer, to_account=payee, amount=Decimal("0.01"))
            connection.close()  # as at the end of a request
    return EACH


@pytest.mark.parametrize("way", WAYS)
def test_eight_threads_pay_through_three_connections(way: Through) -> None:
    accounts: list[Account] = [AccountFactory(balance="100") for _ in range(3)]
    start, before = Barrier(THREADS, timeout=60), sessions_of_the_web_role()
    with way(size=3) as through, ThreadPoolExecutor(THREADS) as pool:
        paid = list(pool.map(lambda number: pay(through, accounts, number, start), range(THREADS)))
        used = sessions_of_the_web_role() - before

    assert sum(paid) == Transaction.objects.filter(type="transfer").count() == THREADS * EACH
    assert sum(balances(*accounts)) == 300
    assert audit().clean
    assert 1 <= len(used) <= 3


def sessions_of_the_web_role() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE usename = %s AND datname = current_database()",
            [settings.LEDGER_WEB_ROLE],
        )
        return {pid for (pid,) in cursor.fetchall()}


@contextmanager
def every_connection_taken(through: dict[str, Any]) -> Iterator[None]:
    """Somebody else's transaction has the one connection."""
    with ThreadPoolExecutor(1) as other:

        def take() -> None:
            with connected(through) as database:
                database.ensure_connection()
                raw = database.connection
                raw.execute("BEGIN")
                taken.wait()
                free.wait()
                raw.execute("ROLLBACK")

        taken, free = Barrier(2, timeout=60), Barrier(2, timeout=60)
        done = other.submit(take)
        taken.wait()
        try:
            yield
        finally:
            free.wait()
            done.result()


@pytest.mark.usefixtures("pages_as_they_sign_in")
@pytest.mark.parametrize("way", WAYS)
def test_with_every_connection_taken_a_payment_gets_503_and_nothing_is_half_done(
    way: Through, client: Client
) -> None:
    payer, payee = AccountFactory(balance="100"), AccountFactory()
    client.raise_request_exception = False  # pages of errors are as others see them
    client.force_login(payer.user)
    data = {
        "id": uuid7(), "from_account": payer.pk, "number": payee.number, "amount": "30",
        "description": "Rent", "reference": "",
    }  # fmt: skip
    form = {**reviewed(client, TRANSFER, data), "step": "send"}
    with way(seconds=1) as through:
        with every_connection_taken(through), connected(through):
            refused = client.post(TRANSFER, form)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert balances(payer, payee) == [100, 0]

        with connected(through):  # the same form, once there is a connection again
            assert client.post(TRANSFER, form).status_code == 302
    assert balances(payer, payee) == [70, 30]
    assert Transaction.objects.filter(type="transfer").count() == 1
    assert audit().clean
