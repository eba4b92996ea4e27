"""After a failover, a replica serves only once it follows the server that writes now."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from django.db import connection

from ledger.db import replicas
from ledger.db.replicas.lag import OTHER_WRITER
from ledger.embedded import roles
from ledger.embedded.pair import Node
from tests.ledger.db.replicas.bank import BankWithReplica
from tests.ledger.db.replicas.people import Saver
from tests.ledger.processes import wait_until
from tests.pages import text_of

FOUND, NOTHING = "1 payment", "Nothing found"
MARK = "SELECT started_at FROM writer_mark"
STARTED = "SELECT pg_postmaster_start_time()"


def ask(node: Node, sql: str) -> object:
    with roles.as_superuser(node.running(), roles.DATABASE) as found:
        (value,) = found.execute(sql).fetchone() or (None,)
    return value


@contextmanager
def standby_that_is_behind(bank: BankWithReplica) -> Iterator[Node]:
    """A second standby, asynchronous, that has everything until it stops here."""
    found = Node(bank.pair.data_dir / "third")
    found.source = bank.pair.primary
    found.ensure_started()
    try:
        now = bank.pair.primary.ask("SELECT pg_current_wal_insert_lsn()")
        wait_until(lambda: bool(found.ask(f"SELECT pg_last_wal_replay_lsn() >= '{now}'")))
        found.stop()
        yield found
    finally:
        found.stop()
        shutil.rmtree(found.data_dir)


@contextmanager
def primary_lost(bank: BankWithReplica, promoted: Node) -> Iterator[None]:
    """Within the block, the other standby is the primary, and the replica follows nobody."""
    bank.pair.primary.kill()
    try:
        promoted.ensure_started()
        promoted.promote()
        promoted.write_without_standby()
        with bank.written_on(promoted):
            yield
    finally:
        promoted.stop()
        bank.pair.standby.stop()
        shutil.rmtree(bank.pair.standby.data)
        bank.pair.ensure_started()


def follow(bank: BankWithReplica, primary: Node) -> None:
    """Copies the replica anew from this primary."""
    standby = bank.pair.standby
    standby.stop()
    shutil.rmtree(standby.data)
    standby.source = primary
    standby.ensure_started()


def test_an_orphan_serves_nobody_after_a_failover_that_lost_what_it_has(
    bank: BankWithReplica,
) -> None:
    """Its position of WAL is higher than the new primary's, so bytes alone do not tell."""
    ana = Saver(bank)
    here = ana.browser()
    with standby_that_is_behind(bank) as behind:
        ana.pay_in("lost by the failover")
        with roles.as_superuser(bank.pair.primary.running(), roles.DATABASE) as primary:
            primary.execute("CREATE TABLE filler AS SELECT generate_series(1, 60000)")
        bank.catch_up()
        assert FOUND in text_of(here.get("/search/?q=lost"))
        assert bank.sent
        with primary_lost(bank, behind):
            bank.probe()
            bank.sent.clear()
            assert bank.replica.why_out == "", "it answers, and is not late yet"
            assert NOTHING in text_of(here.get("/search/?q=lost"))
            (found,) = replicas.lag_of([bank.replica])
            assert (found.why_out, found.bytes_behind) == (OTHER_WRITER, 0)

            assert ana.save(here, "10", "rainy days")
            bank.probe()
            assert FOUND in text_of(here.get("/search/?q=rainy"))
            assert bank.sent == []

            follow(bank, behind)
            wait_until(lambda: ask(bank.pair.standby, MARK) == ask(behind, STARTED))
            bank.probe()
            assert FOUND in text_of(here.get("/search/?q=rainy"))
            assert bank.sent, "it follows the new primary"


def test_a_request_marks_a_writer_that_started_anew(bank: BankWithReplica) -> None:
    ana = Saver(bank)
    here, primary = ana.browser(), bank.pair.primary
    forget_mark(bank)
    bank.catch_up()
    assert FOUND in text_of(here.get("/search/?q=salary"))
    assert bank.sent == [], "the replica may follow another writer"
    assert ask(primary, MARK) == ask(primary, STARTED)

    bank.catch_up()
    assert FOUND in text_of(here.get("/search/?q=salary"))
    assert bank.sent


def test_no_request_waits_for_another_that_writes_the_mark(bank: BankWithReplica) -> None:
    forget_mark(bank)
    there = bank.pair.primary.running()
    with roles.as_superuser(there, roles.DATABASE) as other, other.transaction():
        other.execute("UPDATE writer_mark SET started_at = started_at")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1ms'")
        replicas.write_mark()
    connection.close()


def test_no_request_waits_for_a_standby_to_have_the_mark(bank: BankWithReplica) -> None:
    forget_mark(bank)
    with bank.paused():
        resume = Timer(5, bank.pair.standby.ask, ["SELECT pg_wal_replay_resume()"])
        resume.start()
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = remote_apply")
        replicas.write_mark()
        assert resume.is_alive(), "it waited until the replica replayed it"
        resume.cancel()
        assert ask(bank.pair.primary, MARK) == ask(bank.pair.primary, STARTED)
    connection.close()


def forget_mark(bank: BankWithReplica) -> None:
    with roles.as_superuser(bank.pair.primary.running(), roles.DATABASE) as primary:
        primary.execute("UPDATE writer_mark SET started_at = 'epoch'")
