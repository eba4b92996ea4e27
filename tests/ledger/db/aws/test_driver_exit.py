"""A process that is told to stop ends soon, though AWS's driver keeps threads that watch a cluster,
and though they look for one that is gone.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.ledger.db.aws.aurora_bank import AuroraBank
from tests.ledger.own_site import GunicornSite, accounts_of, form_of
from tests.ledger.processes import LONG, MANAGE, own_data_dir, wait_until

SOON = LONG / 2
# Nobody ends a process that goes on: neither gunicorn's first process nor its watch.
PATIENT = {"LEDGER_GRACE": str(LONG), "LEDGER_WORKER_TIMEOUT": str(2 * LONG), "LEDGER_WORKERS": "1"}
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'ledger'"
WATCHES = """
import sys, threading
from django.db import Error, connection
connection.ensure_connection()
print(*(thread.name for thread in threading.enumerate()), flush=True)
sys.stdin.read()
try:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
except Error:
    print("gone")
"""


@pytest.fixture(scope="module")
def bank() -> Iterator[AuroraBank]:
    with own_data_dir() as data_dir:
        found = AuroraBank(data_dir)
        options = f"{found.settings['DB_AWS_OPTIONS']}&failover_timeout_sec=2"
        found.settings |= {**PATIENT, "DB_AWS_OPTIONS": options}
        yield found


@contextmanager
def cluster_that_is(state: str, bank: AuroraBank) -> Iterator[None]:
    if state == "gone":
        for node in (bank.cluster.first, bank.cluster.second):
            node.kill()
        wait_until(lambda: not bank.cluster.is_running())
    try:
        yield
    finally:
        bank.cluster.ensure_started()


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON


@contextmanager
def command(bank: AuroraBank, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*MANAGE, *arguments], env=bank.settings, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("state", ["there", "gone"])
def test_gunicorn_and_its_worker_end(state: str, bank: AuroraBank) -> None:
    (sender, _), (_, number), *_ = accounts_of(bank)
    site = GunicornSite(bank)
    try:
        assert site.pay(sender, number, "1.00")
        with cluster_that_is(state, bank):
            # Where it is gone, the driver's threads look for it from then on.
            status, _, _ = site.answer(form_of(sender, number, "1.00", None))
            assert status == (200 if state == "there" else 503)
            with soon():
                site.process.terminate()
                assert site.process.wait(LONG) == 0
    finally:
        site.stop()


@pytest.mark.parametrize("state", ["there", "gone"])
def test_a_command_ends(state: str, bank: AuroraBank) -> None:
    with command(bank, "shell", "-v", "0", "-c", WATCHES) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert "HostMonitoring" in process.stdout.readline(), "a thread of the driver"
        with cluster_that_is(state, bank), soon():
            process.stdin.close()
            assert process.wait(LONG) == 0
            assert process.stdout.read() == ("" if state == "there" else "gone\n")


@pytest.mark.parametrize("state", ["there", "gone"])
def test_a_worker_of_scheduled_jobs_ends(state: str, bank: AuroraBank) -> None:
    wait_until(lambda: bank.cluster.primary.ask(SESSIONS) == 0)
    with command(bank, "work") as process:
        wait_until(lambda: bank.cluster.primary.ask(SESSIONS) > 0)
        with cluster_that_is(state, bank), soon():
            process.terminate()
            process.communicate(timeout=LONG)
        assert process.returncode == 0
