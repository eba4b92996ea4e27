"""`manage.py work` in processes of its own: stopped, killed, and with a database that goes away."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from ledger.embedded import roles
from ledger.embedded.pair import Pair
from ledger.embedded.server import EmbeddedServer
from ledger.jobs.schedule import JOBS
from tests.ledger.databases import Database, Databases, own_databases
from tests.ledger.jobs.work_process import WorkProcess
from tests.ledger.own_pair import own_pair
from tests.ledger.processes import (
    LONG,
    MANAGE,
    assert_one_sentence,
    environment,
    wait_until,
)

WAITS_FOR_A_TABLE = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
NOBODY_HAS_IT = "UPDATE job_records SET claim_ends = clock_timestamp()"
NEVER_DONE = "UPDATE job_records SET began_at = NULL, done_at = NULL RETURNING name"


Begin = Callable[..., WorkProcess]


@pytest.fixture
def begin() -> Iterator[Begin]:
    begun: list[WorkProcess] = []

    def start(environment: dict[str, str]) -> WorkProcess:
        begun.append(WorkProcess(environment))
        return begun[-1]

    yield start
    for each in begun:
        each.kill()


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    with own_databases() as found:
        yield found


@pytest.fixture
def bank(databases: Databases) -> Database:
    return databases.new("empty")


def of(bank: Database) -> dict[str, str]:
    return environment(bank.folder, DATABASE_URL=bank.url)


def done(bank: Database) -> set[str]:
    return set(bank.values("SELECT name FROM job_records WHERE done_at IS NOT NULL"))


@contextmanager
def table_in_use(bank: Database, name: str) -> Iterator[None]:
    """Whoever reads or writes the table waits, as for a migration."""
    with closing(psycopg.connect(bank.url)) as other:
        other.execute(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE".encode())
        yield


def test_it_does_everything_and_ends_at_once_by_sigterm(bank: Database, begin: Begin) -> None:
    work = begin(of(bank))
    wait_until(lambda: work.said("apply_retention: done."))
    assert work.end() == 0
    assert done(bank) == {job.name for job in JOBS}
    assert not work.said("Traceback")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_middle_of_a_job_it_ends_cleanly_and_gives_the_job_back(
    bank: Database, begin: Begin, number: int
) -> None:
    with table_in_use(bank, "sessions"):
        work = begin(of(bank))
        wait_until(lambda: bool(bank.values(WAITS_FOR_A_TABLE)))
        assert work.end(number) == 0
        wait_until(lambda: not bank.values(WAITS_FOR_A_TABLE))
    assert not work.said("Traceback")
    assert bank.values("SELECT name FROM job_records WHERE claimed_by <> ''") == []
    assert "apply_retention" not in done(bank)

    assert "apply_retention: done." in bank.manage("work", "--once").stderr


def test_of_two_at_once_one_does_a_job_and_after_a_kill_the_other(
    bank: Database, begin: Begin
) -> None:
    with table_in_use(bank, "sessions"):
        first = begin(of(bank))
        wait_until(lambda: bool(bank.values(WAITS_FOR_A_TABLE)))
        second = begin(of(bank))
        wait_until(lambda: done(bank) == {job.name for job in JOBS} - {"apply_retention"})
        assert "apply_retention" not in bank.manage("work", "--once").stderr
        assert len(bank.values(WAITS_FOR_A_TABLE)) == 1
        first.end(signal.SIGKILL)
    assert "apply_retention" not in done(bank)
    bank.values(f"{NOBODY_HAS_IT} RETURNING name")  # as after a minute
    wait_until(lambda: second.said("apply_retention: done."))
    assert done(bank) == {job.name for job in JOBS}
    assert second.end() == 0


def test_a_database_that_goes_away_and_comes_back_finds_it_at_work(begin: Begin) -> None:
    with own_databases() as server:
        bank = server.new("empty")
        work = begin(of(bank))
        wait_until(lambda: work.said("apply_retention: done."))

        server.server.stop()
        wait_until(lambda: work.said("cannot start jobs because of the database"))
        assert_one_sentence(bank.manage("work", "--once"), "no socket")
        EmbeddedServer(server.folder).ensure_started()
        wait_until(lambda: work.said("The database is back."))
        bank.values(NEVER_DONE)
        wait_until(lambda: work.said("expire_holds: done.", times=2))

        assert work.end() == 0
        assert not work.said("Traceback")


@pytest.fixture
def pair() -> Iterator[Pair]:
    with own_pair() as found:
        yield found


def test_after_a_failover_it_goes_on_at_the_new_primary(pair: Pair, begin: Begin) -> None:
    there = environment(pair.data_dir)
    prepared = subprocess.run(
        [*MANAGE, "migrate", "-v0"], env=there, capture_output=True, check=False, timeout=LONG
    )
    assert prepared.returncode == 0, prepared.stderr
    work = begin(there)
    wait_until(lambda: work.said("apply_retention: done."))

    pair.fail_over(kill=True)
    with roles.as_superuser(pair.primary.running(), "ledger") as connection:
        connection.execute(NEVER_DONE)

    wait_until(lambda: work.said("apply_retention: done.", times=2))
    assert work.end() == 0
    assert not work.said("Traceback")


def test_the_web_role_is_told_that_it_may_not(bank: Database) -> None:
    of_web = bank.url.replace("//ledger@", "//ledger_web@")
    done = bank.manage("work", "--once", DATABASE_URL=of_web)
    assert_one_sentence(done, "ledger_web may not do this", "docs/rights.md")


def test_one_that_signs_in_as_the_owner_says_so_once(bank: Database, begin: Begin) -> None:
    work = begin(of(bank))
    wait_until(lambda: work.said("apply_retention: done."))
    assert work.end() == 0
    assert work.said("signs in as ledger, which owns the tables")
    assert not work.said("signs in as", times=2)


def test_before_migrate_it_says_what_is_missing(databases: Databases) -> None:
    bank = databases.new("nothing")
    bank.run("createdb")
    assert_one_sentence(bank.manage("work", "--once"), "manage.py migrate")


def test_before_its_role_is_made_it_names_what_makes_it(bank: Database, begin: Begin) -> None:
    nobody = bank.url.replace("//ledger@", "//nobody@")
    assert_one_sentence(bank.manage("work", "--once", DATABASE_URL=nobody), "manage.py prepare")
    work = begin(of(bank) | {"DATABASE_URL": nobody})
    wait_until(lambda: work.said("manage.py prepare"))
    assert work.end() == 0


def test_once_fails_where_a_job_failed(bank: Database) -> None:
    with closing(psycopg.connect(bank.url, autocommit=True)) as owner:
        owner.execute("ALTER TABLE seals RENAME TO away")
    done_once = bank.manage("work", "--once")
    assert done_once.returncode == 1
    assert "audit_ledger failed" in done_once.stderr
