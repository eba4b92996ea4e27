"""A forked process never shares a connection with its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.db import connection

from ledger.env import BASE_DIR
from tests.ledger.own_site import children_of
from tests.ledger.processes import LONG, environment, wait_until
from tests.pooler import server

pytestmark = pytest.mark.django_db(transaction=True)

SET_UP = """
import os, sys
import django
django.setup()
from django.conf import settings
from django.db import connection, transaction

def session(database=connection):
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]

def child(work):
    '''Runs it in a child that ends in good order; fails if it fails.'''
    process = os.fork()
    if process == 0:
        work()
        sys.exit()
    assert os.waitpid(process, 0)[1] == 0
"""
OWN_SESSION = """
mine = session()
def work():
    theirs = session()
    assert theirs != mine
    connection.close()
    assert session() not in (mine, theirs)
child(work)
child(lambda: connection.close())
child(lambda: None)
assert session() == mine
closed = connection.connection
connection.close()
child(lambda: None)
"""
IN_A_TRANSACTION = """
from django.db import ProgrammingError

def work():
    try:
        session()
    except ProgrammingError:
        return
    raise AssertionError("the child went on in the transaction of its parent")

def in_a_block_of_its_own():
    inherited.__exit__(None, None, None)
    with transaction.atomic():
        assert session() != mine
    assert after_commit == []

after_commit = []

mine = session()
with connection.cursor() as cursor:
    cursor.execute("CREATE TEMPORARY TABLE kept (number int)")
    with transaction.atomic() as _, (inherited := transaction.atomic()):
        cursor.execute("INSERT INTO kept VALUES (1)")
        child(work)
        cursor.execute("INSERT INTO kept VALUES (2)")
    with (inherited := transaction.atomic()):
        transaction.on_commit(lambda: after_commit.append(session()))
        child(in_a_block_of_its_own)
    assert after_commit == [mine]
    cursor.execute("SELECT count(*) FROM kept")
    assert cursor.fetchone() == (2,)
"""
AT_ONCE = """
from multiprocessing import get_context

def sessions(_):
    return {session() for _ in range(50)}

mine = session()
with get_context("fork").Pool(3) as pool:
    found = pool.map_async(sessions, range(3), chunksize=1)
    while not found.ready():
        assert session() == mine
    assert mine not in set().union(*found.get())
"""
POOLED = """
from ledger.db.backend.base import DatabaseWrapper

options = {**connection.settings_dict["OPTIONS"], "pool": {"min_size": 2, "max_size": 3}}
pooled = DatabaseWrapper(
    {**connection.settings_dict, "CONN_MAX_AGE": 0, "OPTIONS": options}, alias="default"
)

def all_sessions(pool):
    pool.wait()
    given = [pool.getconn() for _ in range(3)]
    found = {each.info.backend_pid for each in given}
    for each in given:
        each.execute("SELECT 1")
        pool.putconn(each)
    return found

def work():
    assert session(pooled) not in mine
    pooled.close()
    assert not all_sessions(pooled.pool) & mine
    pooled.close_pool()

session(pooled)
pooled.close()
mine = all_sessions(pooled.pool)
child(work)
assert all_sessions(pooled.pool) == mine
session(pooled)
child(work)
pooled.close()
pooled.close_pool()
"""
DEAD_PARENT = """
print(session(), flush=True)
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("SELECT 1")
    os.fork()
    sys.stdin.read()
"""


@contextmanager
def program(code: str) -> Iterator["subprocess.Popen[str]"]:
    """A program with the test database as its own."""
    connection.ensure_connection()
    there = {name: str(server()[name]) for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")}
    process = subprocess.Popen(
        [sys.executable, "-c", SET_UP + code],
        env=environment(
            Path("/nowhere"),
            DJANGO_SETTINGS_MODULE="ledger.settings",
            **{f"DB_{name}": value for name, value in there.items()},
        ),
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # its children too
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize(
    "code",
    [
        OWN_SESSION,
        IN_A_TRANSACTION,
        AT_ONCE,
        POOLED,
    ],
    ids=["alone", "in a transaction", "at once", "pooled"],
)
def test_parent_and_child_each_have_a_session_of_their_own(code: str) -> None:
    with program(code) as running:
        _, errors = running.communicate(timeout=LONG)

    assert running.returncode == 0, errors
    assert errors == ""


def test_the_session_of_a_dead_parent_ends_while_its_child_lives() -> None:
    with program(DEAD_PARENT) as running:
        assert running.stdout is not None
        session = int(running.stdout.readline())
        wait_until(lambda: state_of(session) == "idle in transaction")
        wait_until(lambda: bool(children_of(running.pid)))
        running.kill()
        wait_until(lambda: state_of(session) is None)


def state_of(session: int) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [session])
        row = cursor.fetchone()
    return str(row[0]) if row else None
