"""Eight processes at every verb while others sum the bank: no sum is ever wrong."""

import os
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Account
from ledger.env import BASE_DIR
from tests.factories import AccountFactory
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS, READS = 8, 1000
LONG = 120  # seconds until what must happen has happened, on any machine
ONE_STATEMENT = """
    SELECT (SELECT coalesce(sum(balance), 0) FROM accounts),
           (SELECT coalesce(sum(CASE type WHEN 'deposit' THEN amount ELSE -amount END), 0)
            FROM transactions WHERE status = 'completed' AND type <> 'transfer')
"""


def process(*arguments: str) -> subprocess.Popen[str]:
    """`tests.load` on the database of this test."""
    its = connection.get_connection_params()
    place = {"NAME": its["dbname"], "USER": its["user"], "HOST": its["host"]}
    place |= {"PASSWORD": its.get("password", ""), "PORT": its.get("port", "")}
    database = {f"DB_{name}": str(value) for name, value in place.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.load", *arguments],
        cwd=BASE_DIR,
        env={
            **os.environ,
            **database,
            "DATABASE_URL": "",  # of the bank, on another server than the embedded one
            "DJANGO_SETTINGS_MODULE": "ledger.settings",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_sum_of_all_balances_is_what_came_in_less_what_went_out() -> None:
    for n in range(12):
        AccountFactory(balance="200", overdraft_limit=Decimal(50 * (n % 2)))
    writers = [process("verbs", str(seed)) for seed in range(WRITERS)]
    reads, moved, reversed_one = (
        0,
        set[Decimal](),
        Transaction.objects.filter(reverses__isnull=False),
    )
    deadline = time.monotonic() + LONG
    try:
        while reads < READS or len(moved) < READS / 2 or not reversed_one.exists():
            assert time.monotonic() < deadline, (reads, len(moved))
            with connection.cursor() as cursor:
                cursor.execute(ONE_STATEMENT)
                kept, came = cursor.fetchone()
            assert kept == came
            reads += 1
            moved.add(kept)
    finally:
        said = [writer.communicate(timeout=LONG) for writer in writers]
    assert not any(err for _, err in said), said
    done = {line.split("=")[0] for out, _ in said for line in out.splitlines()}
    assert {"transfer", "deposit", "withdraw", "hold", "capture", "void", "batch"} <= done
    assert "reverse" in done
    assert audit().clean


def test_a_sum_of_two_statements_does_tear() -> None:
    """The control: asked in two statements, the same two figures differ now and then."""
    for _ in range(4):
        AccountFactory(balance="1000000")
    deposits = "SELECT sum(amount) FROM transactions WHERE type = 'deposit'"
    withdrawn = "SELECT coalesce(sum(amount), 0) FROM transactions WHERE type = 'withdrawal'"
    writers = [process("verbs", str(seed)) for seed in range(4)]
    torn, deadline = False, time.monotonic() + LONG
    try:
        while not torn and time.monotonic() < deadline:
            figures = []
            for query in ("SELECT sum(balance) FROM accounts", deposits, withdrawn):
                with connection.cursor() as cursor:
                    cursor.execute(query)
                    figures.append(cursor.fetchone()[0])
            kept, into, out = figures
            torn = kept != into - out
    finally:
        for writer in writers:
            writer.communicate(timeout=LONG)
    assert torn
    assert audit().clean
    assert Account.objects.count() == 4
    assert Transaction.objects.filter(type="deposit").count() > 4
    assert services.expire_holds() == 0
