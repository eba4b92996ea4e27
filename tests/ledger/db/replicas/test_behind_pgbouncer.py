"""A replica that is reached through pgbouncer in transaction mode."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import Error, connections

from ledger.db import replicas
from ledger.db.snapshot import snapshot
from ledger.embedded import roles
from ledger.settings.pool import behind_pooler
from tests import pooler
from tests.ledger.db.replicas.bank import ALIAS, BankWithReplica, settings_of_replica
from tests.ledger.db.replicas.people import Saver
from tests.ledger.processes import wait_until
from tests.pages import text_of
from transactions.models import Transaction
from transactions.search.page.views import SEARCH

pytestmark = [
    pooler.NEEDS_PGBOUNCER,
]
FOUND, NOTHING = "1 payment", "Nothing found"


@pytest.fixture
def behind(bank: BankWithReplica, monkeypatch: pytest.MonkeyPatch) -> Iterator[BankWithReplica]:
    """The same bank, with pgbouncer before its replica."""
    there = settings_of_replica(bank.pair.standby) | {"LEDGER_EMBEDDED": True}
    there["OPTIONS"].pop("pool", None)
    monkeypatch.setattr(pooler, "server", lambda: there)
    with pooler.pgbouncer(size=2) as found:
        through = behind_pooler(found.settings(USER=roles.WEB))
        through["OPTIONS"] = {**through["OPTIONS"], "target_session_attrs": "any"}
        use(through)
        bank.catch_up()
        yield bank
        connections[ALIAS].close()


def use(through: dict[str, Any]) -> None:
    connections[ALIAS].close()
    del connections[ALIAS]
    connections.settings[ALIAS] = through


def test_pages_read_there_and_sessions_read_their_own_writes(behind: BankWithReplica) -> None:
    ana = Saver(behind)
    here, elsewhere = ana.browser(), ana.browser()
    assert FOUND in text_of(here.get("/search/?q=salary"))
    assert behind.sent
    with behind.paused():
        behind.sent.clear()
        assert ana.save(here, "10", "rainy days")
        behind.probe()
        assert FOUND in text_of(here.get("/search/?q=rainy"))
        assert behind.sent == []
        assert NOTHING in text_of(elsewhere.get("/search/?q=rainy"))
        assert behind.sent
    assert behind.replica.repeated == 0


@pytest.mark.parametrize("together", [nullcontext, snapshot])
def test_a_server_that_began_anew_meanwhile_is_not_taken_for_the_one_that_was_asked(
    behind: BankWithReplica, together: Callable[[], Any]
) -> None:
    """The connection to pgbouncer lives on, and the next statement is answered."""
    places = list[bool]()

    def count_twice() -> int:
        Transaction.objects.count()
        places.append(replicas.is_on_replica())
        if places[-1]:
            begin_anew(behind)
        with together():
            return int(Transaction.objects.count())

    with replicas.request_reads(replicas.RequestReads(behind.needed, lambda: True)):
        assert replicas.read(SEARCH, count_twice) == Transaction.objects.count()
    assert places == [True, False]
    assert behind.replica.repeated == 1


def begin_anew(behind: BankWithReplica) -> None:
    """While nobody has noticed yet."""
    answer = behind.replica.answer
    behind.pair.standby.kill()
    behind.pair.follow()
    pgbouncer_notices()
    behind.replica.answer, behind.replica.why_out = answer, ""


def pgbouncer_notices() -> None:
    """That its connections to the server have ended, by one more of a client's."""
    other = connections[ALIAS].copy()
    wait_until(lambda: answers(other))
    other.close()


def answers(database: Any) -> bool:
    try:
        with database.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        database.close()
        return False
    return True
