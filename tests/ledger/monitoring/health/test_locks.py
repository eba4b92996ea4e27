"""Locks on the page Database: real sessions that wait for each other."""

import pytest
from django.test import Client

from ledger.monitoring.health import locks
from ledger.monitoring.health.locks import locks_part
from ledger.monitoring.health.queries import LockWait, OpenSession, PreparedTransaction, ServerFacts
from tests.factories import AccountFactory
from tests.ledger.monitoring.health.asking import Told, opened, waiting
from tests.pages import lacks, text_of
from tests.pooler import beside, knows_transaction_timeout

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "Mara Lindt 48210937"
# A table that no page reads before this one: with policies, every page reads accounts.
LOCK = "DO $$ BEGIN LOCK TABLE sealed_days; END $$"
RENAME = f"UPDATE accounts SET name = '{SECRET}' WHERE id = '{{}}'"


def test_nobody_waits(root: Client) -> None:
    text = text_of(opened(root))
    assert "No session waits for a lock." in text
    assert "pg_terminate_backend" not in text


def test_who_waits_for_whom_and_for_what(root: Client) -> None:
    account = AccountFactory()
    with (
        beside(application_name="night batch") as holder,
        beside() as first,
        beside() as second,
        holder.transaction(),
    ):
        pids = [each.info.backend_pid for each in (holder, first, second)]
        holder.execute(RENAME.format(account.pk).encode())
        holder.execute("LOCK TABLE sealed_days IN ROW EXCLUSIVE MODE")
        with waiting(first, RENAME.format(account.pk)), waiting(second, LOCK):
            answer = opened(root)
    text = text_of(answer)
    assert lacks(text, f"2 sessions wait for a lock, behind session {pids[0]}") == []
    assert lacks(text, "a row of accounts", "sealed_days, AccessExclusiveLock", "night batch") == []
    assert f"pg_terminate_backend({pids[0]})" in text
    part = answer.context["health"].locks
    assert [(each.pid, each.wants) for each in part.waiting] == [
        (pids[1], "a row of accounts"),
        (pids[2], "sealed_days, AccessExclusiveLock"),
    ]
    assert all(each.waited for each in part.waiting)
    assert part.open[0].pid == pids[0]
    assert (part.open[0].state, part.open[0].blocks) == ("idle in transaction", 2)
    assert part.open[0].open_for
    assert part.open[0].idle_for


def test_no_value_of_what_runs_is_on_the_page(root: Client) -> None:
    account = AccountFactory()
    with beside() as holder, beside() as other, holder.transaction():
        holder.execute(RENAME.format(account.pk).encode())
        with waiting(other, RENAME.format(account.pk)):
            page = opened(root).content.decode()
        assert str(holder.info.backend_pid) in page
    assert lacks(page, SECRET, SECRET.split(maxsplit=1)[0], str(account.pk)) == [
        SECRET, SECRET.split(maxsplit=1)[0], str(account.pk)
    ]  # fmt: skip


def test_the_web_role_learns_no_statement_of_others() -> None:
    with beside() as other, beside(user="ledger_web") as web, other.transaction():
        other.execute(f"SELECT '{SECRET}'".encode())
        told = web.execute("SELECT * FROM session_states()")
        names, rows = [column.name for column in told.description or ()], told.fetchall()
        mine = [row for row in rows if row[0] == other.info.backend_pid]
    assert [row[names.index("state")] for row in mine] == ["idle in transaction"]
    assert SECRET not in str(rows)
    assert "query" not in names


def test_sessions_of_the_web_role_report_nothing(root: Client) -> None:
    with beside(user="ledger_web") as web, web.transaction():
        web.execute("SELECT 1")
        answer = opened(root)
        part = answer.context["health"].locks
        assert web.info.backend_pid not in [each.pid for each in part.open]
    assert part.silent >= 1
    assert "of ledger_web" in text_of(answer)
    assert ("after 15 minutes" in text_of(answer)) == knows_transaction_timeout()


def test_only_a_server_that_ends_long_transactions_is_said_to() -> None:
    newest = ServerFacts("17.2", "ledger", "ledger_web", "ledger", False, None)
    debian = newest._replace(version="15.18 (Debian 15.18-0+deb12u1)")
    beta = newest._replace(version="19beta1")
    assert [each.ends_long_transactions for each in (newest, debian, beta)] == [True, False, True]


def test_a_silent_session_that_holds_others_up_is_there(root: Client) -> None:
    with beside(user="ledger_web") as web, beside() as other, web.transaction():
        web.execute("SELECT pg_advisory_xact_lock(8442)")
        with waiting(other, "SELECT pg_advisory_lock(8442)"):
            part = opened(root).context["health"].locks
        assert (part.open[0].pid, part.open[0].state) == (web.info.backend_pid, "does not report")
    assert (part.open[0].blocks, part.open[0].open_for) == (1, "")


def test_an_old_transaction_needs_care(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "OLD_SECONDS", 0.0)
    with beside() as other, other.transaction():
        other.execute("SELECT 1")
        text = text_of(opened(root))
        assert f"Session {other.info.backend_pid}" in text
    assert "has had a transaction open for" in text


# What takes more than two sessions, from rows


def wait(pid: int, *blockers: int) -> LockWait:
    return LockWait(pid, "transactionid", "ShareLock", None, 1.0, list(blockers))


def session(pid: int, seconds: float | None = 1.0) -> OpenSession:
    return OpenSession(
        pid, "ledger", "psql", "client backend", "active", False, None, seconds, 1.0, 1.0, 1, 1, 5
    )


def test_a_queue_is_counted_for_whom_all_wait() -> None:
    rows = (wait(2, 1), wait(3, 2), wait(4, 2, 3), session(1), session(2), session(9, 5000.0))
    part = locks_part(Told(*rows))
    assert [(each.pid, each.blocks) for each in part.open] == [(1, 3), (9, 0), (2, 0)]
    assert part.to_end == 1
    assert "3 sessions wait" in part.sentence


def test_two_that_wait_for_each_other_are_told_without_an_end() -> None:
    part = locks_part(Told(wait(1, 2), wait(2, 1)))
    assert part.sentence == "2 sessions wait for a lock."
    assert part.to_end is None


def test_a_prepared_transaction_holds_others_up() -> None:
    part = locks_part(Told(wait(7, 0), PreparedTransaction("moved", "ledger", 5000.0, 9)))
    assert "behind a prepared transaction" in part.sentence
    assert part.to_end is None
    assert any("moved" in each for each in part.care)
