"""Pages that read from a replica, sessions that read their own writes, and what stays with the
writer.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.db import transaction as db_transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import services as account_services
from accounts.models import WebSession
from ledger.db import replicas
from ledger.db.replicas import prober
from tests.conftest import signed_in
from tests.ledger.db.replicas.bank import ALIAS, BankWithReplica
from tests.ledger.db.replicas.people import Saver
from tests.ledger.processes import wait_until
from tests.pages import text_of
from transactions.models import Transaction
from transactions.search.page.views import SEARCH

ENTRIES = {"entries", "transactions"}
FOUND, NOTHING = "1 payment", "Nothing found"


@pytest.fixture
def ana(bank: BankWithReplica) -> Saver:
    return Saver(bank)


@pytest.mark.parametrize(
    ("address", "purpose"),
    [
        ("/search/?q=salary", "search"),
        ("/search/results.json?q=salary", "search"),
        ("/accounts/{pk}/", "statement"),
        ("/accounts/{pk}/?q=salary", "statement"),
        ("/accounts/{pk}/statement.csv", "statement"),
        ("/explorer/browse/?by=counterparty", "browse"),
        ("/reports/money-by-month/", "report"),
        ("/reports/money-by-month/report.csv", "report"),
    ],
)
def test_a_page_that_only_reads_is_read_from_the_replica(
    bank: BankWithReplica, ana: Saver, address: str, purpose: str
) -> None:
    response = ana.browser().get(address.format(pk=ana.everyday.pk))

    b"".join(response)
    assert response.status_code == 200
    assert {each.purpose for each in bank.sent} == {purpose}
    assert ENTRIES & {table for each in bank.sent for table in each.tables}
    assert bank.replica.repeated == 0


def test_a_query_of_the_explorer_runs_on_the_replica(bank: BankWithReplica, ana: Saver) -> None:
    ana.user.groups.add(Group.objects.get(name="analysts"))
    client = ana.browser()
    sql = "SELECT pg_is_in_recovery(), count(*) FROM entries"
    page = client.post("/explorer/", {"sql": sql, "as": "page"})
    ((is_standby, count),) = page.context["editor"].shown.result.rows
    assert is_standby == "true"
    assert int(count) > 0
    assert bank.replica.repeated == 0


def test_the_download_of_ones_own_data_reads_its_entries_from_the_replica(
    bank: BankWithReplica, ana: Saver
) -> None:
    response = ana.browser().post("/account/data/", {"format": "json"})

    assert b"salary" in b"".join(response)
    assert {each.purpose for each in bank.sent} == {"own entries"}


def test_a_session_reads_its_own_writes_while_another_may_read_old_data(
    bank: BankWithReplica, ana: Saver
) -> None:
    here, elsewhere = ana.browser(), ana.browser()
    with bank.paused():
        assert ana.save(here, "10", "rainy days")
        bank.probe()
        assert FOUND in text_of(here.get("/search/?q=rainy"))
        assert b"rainy days" in b"".join(here.get(f"/accounts/{ana.everyday.pk}/statement.csv"))
        assert bank.sent == [], "the replica lacks what this session wrote"
        assert NOTHING in text_of(elsewhere.get("/search/?q=rainy"))
        assert bank.sent

    bank.catch_up()
    bank.sent.clear()
    assert FOUND in text_of(here.get("/search/?q=rainy"))
    assert bank.sent, "the replica has caught up"


def test_a_session_goes_on_reading_its_own_writes_after_its_row_was_saved_again(
    bank: BankWithReplica, ana: Saver
) -> None:
    here = ana.browser()
    with bank.paused():
        assert ana.save(here, "10", "rainy days")
        session = here.session
        session["anything"] = "else"
        session.save()
        session.cycle_key()
        here.cookies["sessionid"] = str(session.session_key)
        bank.probe()
        assert FOUND in text_of(here.get("/search/?q=rainy"))


def test_a_request_beside_that_knew_no_position_does_not_take_it_away(
    bank: BankWithReplica, ana: Saver
) -> None:
    here = ana.browser()
    beside = here.session  # of a request that began before the payment and ends after it
    assert "anything" not in beside
    with bank.paused():
        assert ana.save(here, "10", "rainy days")
        beside["anything"] = "else"
        beside.save()
        bank.probe()
        assert FOUND in text_of(here.get("/search/?q=rainy"))
    assert here.session["anything"] == "else"


def test_only_a_request_that_wrote_what_replicas_show_notes_a_position(
    bank: BankWithReplica, ana: Saver
) -> None:
    here = ana.browser()
    mine = WebSession.objects.filter(user=ana.user)
    here.get("/")
    here.post("/transfers/new/", {"amount": "1"})
    assert mine.get().wal_position is None

    assert ana.save(here, "10")
    position = mine.get().wal_position
    assert position
    here.get(f"/accounts/{ana.everyday.pk}/")
    assert mine.get().wal_position == position


def test_a_position_is_noted_without_a_wait_for_the_standby(
    bank: BankWithReplica, ana: Saver
) -> None:
    """Where that is away, who pays has waited once already."""
    here = ana.browser()
    with CaptureQueriesContext(connection) as found:
        assert ana.save(here, "10")
    sent = [query["sql"] for query in found]
    noted = [place for place, sql in enumerate(sent) if "pg_current_wal" in sql]
    assert noted
    assert {sent[place - 1] for place in noted} == {"SET LOCAL synchronous_commit = local"}


def test_a_statement_never_shows_a_balance_that_its_entries_do_not_explain(
    bank: BankWithReplica, ana: Saver
) -> None:
    here = ana.browser()
    with bank.paused():
        ana.pay_in("bonus", 7)
        page = text_of(here.get(f"/accounts/{ana.everyday.pk}/"))

    assert "107.00" in page
    assert "bonus" in page


def test_money_is_checked_on_the_writer_while_the_replica_is_behind(
    bank: BankWithReplica, ana: Saver
) -> None:
    here = ana.browser()
    with bank.paused():
        ana.pay_in("bonus", 50)
        assert ana.save(here, "150"), "the money is there, though the replica has not seen it"
        assert not ana.save(ana_again(ana), "1"), "it is spent, though the replica still has it"


def ana_again(ana: Saver) -> Any:
    return signed_in(ana.user)


def test_a_frozen_account_and_a_limit_count_at_once(bank: BankWithReplica, ana: Saver) -> None:
    here, boss = ana.browser(), Saver(bank).user
    with bank.paused():
        account_services.freeze_account(
            account=ana.everyday, reason="lost card", message="", changed_by=boss
        )
        assert not ana.save(here, "1")
        account_services.unfreeze_account(
            account=ana.everyday, reason="found", message="", changed_by=boss
        )
        assert ana.save(here, "1")


def test_a_right_is_given_and_taken_at_once(bank: BankWithReplica, ana: Saver) -> None:
    here, group = ana.browser(), Group.objects.get(name="analysts")
    address = "/search/?q=salary&whose=bank"
    with bank.paused():
        assert here.get(address).status_code == 403
        ana.user.groups.add(group)
        here = signed_in(ana.user)
        assert here.get(address).status_code == 200
        ana.user.groups.remove(group)
        assert signed_in(ana.user).get(address).status_code == 403


def test_a_session_that_ended_is_over_at_once(bank: BankWithReplica, ana: Saver) -> None:
    here = ana.browser()
    with bank.paused():
        WebSession.objects.filter(user=ana.user).delete()
        assert here.get("/search/?q=salary").status_code == 302


def test_a_recipe_is_run_on_the_replica_unless_it_asks_the_writer(
    bank: BankWithReplica, ana: Saver
) -> None:
    browser = ana.browser()
    assert "True" in text_of(browser.get("/cookbook/replica-lag/"))
    assert {each.purpose for each in bank.sent} == {"cookbook"}
    bank.sent.clear()
    assert browser.get("/cookbook/standbys/").status_code == 200
    assert bank.sent == []


def test_staff_read_how_far_behind_each_replica_is(
    bank: BankWithReplica, ana: Saver, staff: Client
) -> None:
    def told(client: Client) -> dict[str, Any]:
        found: dict[str, Any] = client.get("/readyz?verbose").json()
        return found

    bank.catch_up()
    with bank.paused():
        (before,) = told(staff)["replicas"]
        ana.pay_in("more")
        (after,) = told(staff)["replicas"]
        assert told(ana_again(ana)) == told(Client()) == {"status": "ready"}

    assert (before["name"], before["why_out"]) == (ALIAS, "")
    assert after["bytes_behind"] > before["bytes_behind"]


def test_a_replica_is_asked_by_a_thread_of_its_own(
    bank: BankWithReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prober, "EVERY", 0.01)
    (replica,), needed = prober.replicas(), bank.needed()
    try:
        wait_until(lambda: replica.can_serve(needed))
        first = replica.answer
        wait_until(lambda: replica.answer is not first)
        assert prober.replicas() == (replica,)
    finally:
        prober.stop_probing()


def count() -> int:
    return int(Transaction.objects.count())


@pytest.fixture
def reads(bank: BankWithReplica) -> Any:
    with replicas.request_reads(found := replicas.RequestReads(bank.needed, lambda: True)):
        yield found


def test_inside_a_transaction_the_writer_is_read(bank: BankWithReplica, reads: Any) -> None:
    with db_transaction.atomic():
        replicas.read(SEARCH, count)
    assert bank.sent == []
    replicas.read(SEARCH, count)
    assert len(bank.sent) == 1


def test_after_a_write_the_rest_of_the_request_reads_the_writer(
    bank: BankWithReplica, ana: Saver, reads: Any
) -> None:
    replicas.read(SEARCH, count)
    ana.pay_in("more")
    assert replicas.read(SEARCH, lambda: Transaction.objects.filter(description="more").exists())
    assert len(bank.sent) == 1


def test_outside_a_request_the_writer_is_read(bank: BankWithReplica) -> None:
    replicas.read(SEARCH, count)
    assert bank.sent == []


def test_a_table_that_a_purpose_does_not_have_is_read_on_the_writer(
    bank: BankWithReplica, reads: Any
) -> None:
    def rights() -> int:
        return count() + Group.objects.count()

    assert replicas.read(SEARCH, rights) == count() + Group.objects.count()
    assert [each.tables for each in bank.sent] == [{"transactions"}]
    assert bank.replica.repeated == 1
    assert bank.replica.why_out == ""


def test_nothing_is_written_by_a_connection_to_a_replica(bank: BankWithReplica, reads: Any) -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SHOW default_transaction_read_only")
        cursor.execute("SHOW transaction_read_only")
        assert cursor.fetchone() == ("on",)

    def written() -> str:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE transactions SET status = status WHERE false")
        return "by the writer" if not replicas.is_on_replica() else "by the replica"

    assert replicas.read(SEARCH, written) == "by the writer"


def test_rows_of_others_stay_hidden_on_the_replica(bank: BankWithReplica, ana: Saver) -> None:
    """Under row-level security the replica knows the reader by the same token."""
    ben = Saver(bank)
    ben.pay_in("secret of ben")

    assert NOTHING in text_of(ana.browser().get("/search/?q=secret"))
    assert FOUND in text_of(ben.browser().get("/search/?q=secret"))
    assert bank.sent


def test_a_limit_of_time_holds_on_the_replica(bank: BankWithReplica, reads: Any) -> None:
    def limit() -> timedelta:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')::interval")
            (found,) = cursor.fetchone()
        return timedelta(seconds=found.total_seconds())

    there: Any = connections[ALIAS]
    there.settings_dict["LEDGER_TIMEOUTS"] = {"statement_timeout": 7}
    there.close()
    there.close_pool()
    assert replicas.read(SEARCH, limit) == timedelta(seconds=7)
    assert Decimal(len(bank.sent)) == 1
