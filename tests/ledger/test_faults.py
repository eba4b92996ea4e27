"""Things are killed while money moves: what was acknowledged is there once, nothing half-done."""

import http.client
import os
import re
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

from ledger.db.removal import delete_everything
from tests.ledger.own_bank import OwnBank, assert_nothing_lost_and_nothing_invented, load
from tests.ledger.processes import (
    LONG,
    MANAGE,
    free_port,
    reachable_folder,
    wait_until,
)

ENOUGH = 150  # payments before something is killed, and again after it

pytestmark = pytest.mark.slow


@pytest.fixture
def bank(settings: object) -> Iterator[OwnBank]:
    with reachable_folder() as folder:
        try:
            yield OwnBank(folder / "data", settings.LEDGER_PG)  # type: ignore[attr-defined]
        finally:
            delete_everything(folder / "data")


def test_postgres_killed_under_load(bank: OwnBank) -> None:
    with load(bank) as paying:
        for _ in range(2):
            paying.wait_for(ENOUGH)
            bank.kill_postgres()
            paying.wait_for(ENOUGH)  # the next connection starts it again
    assert_nothing_lost_and_nothing_invented(bank, paying)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 150 MB. Only root can make one."""
    with reachable_folder() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=150m,mode=755", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("a full disk needs a small file system, which this user may not mount")
        try:
            yield folder
        finally:
            delete_everything(folder / "data")
            subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path, settings: object) -> None:
    bank = OwnBank(small_disk / "data", settings.LEDGER_PG)  # type: ignore[attr-defined]
    ballast = small_disk / "ballast"
    with load(bank, 2) as paying:
        paying.wait_for(ENOUGH)
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
        wait_until(lambda: bool(paying.ids("unknown")))  # the disk is full
        ballast.unlink(missing_ok=True)
        paying.wait_for(ENOUGH)
    assert_nothing_lost_and_nothing_invented(bank, paying)


class Site:
    """gunicorn with its workers, and a person signed in."""

    def __init__(self, bank: OwnBank) -> None:
        self.bank, self.port = bank, free_port()
        self.process = subprocess.Popen(
            [*MANAGE, "serve"],
            env={**bank.settings, "PORT": str(self.port)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Ctrl-C" in line:
                break
        session = (
            "from importlib import import_module; from django.conf import settings; "
            "from django.contrib.auth import *; user = User.objects.get(); "
            "session = import_module(settings.SESSION_ENGINE).SessionStore(); "
            "session.update({SESSION_KEY: str(user.pk), HASH_SESSION_KEY: "
            "user.get_session_auth_hash(), BACKEND_SESSION_KEY: "
            "settings.AUTHENTICATION_BACKENDS[0], 'account_authentication_methods': [{'method': "
            "'password', 'at': __import__('time').time()}], "
            "'account_authentication_methods_user': str(user.pk)}); "
            "session.save(); print(session.session_key)"
        )
        self.cookie = bank.manage("shell", "-v", "0", "-c", session).strip()

    def workers(self) -> list[int]:
        """The children of gunicorn's master, which is the only child of `serve`."""
        (master,) = children_of(self.process.pid)
        return children_of(master)

    def pay(self, sender: str, number: str, amount: str, id: str | None = None) -> str:
        """Reviews a transfer and sends it, again until an answer comes; the id of its receipt, or
        "" if it is refused.
        """
        form = {
            "id": id or str(uuid.uuid4()), "from_account": sender, "number": number,
            "amount": amount, "description": "", "reference": "",
        }  # fmt: skip
        deadline = time.monotonic() + LONG
        while time.monotonic() < deadline:
            with suppress(ConnectionError):
                leads_to, page = self.post(form)
                if review := re.search('name="reviewed" value="([^"]+)"', page):
                    leads_to, _ = self.post({**form, "step": "send", "reviewed": review[1]})
                return re.sub(r".*/transactions/([0-9a-f-]+)/", r"\1", leads_to)
        raise TimeoutError

    def post(self, form: dict[str, str]) -> tuple[str, str]:
        """Where the answer leads to, "" for a page, and its HTML; ConnectionError where none
        comes.
        """
        token = "x" * 32
        headers = {
            "Cookie": f"sessionid={self.cookie}; csrftoken={token}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            body = urlencode({**form, "csrfmiddlewaretoken": token})
            connection.request("POST", "/transfers/new/", body, headers)
            answer = connection.getresponse()
            page = answer.read().decode()
            assert answer.status in (200, 302), answer.status
            return answer.headers.get("Location", ""), page
        except http.client.HTTPException as error:
            raise ConnectionError from error
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=LONG)


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]


def accounts_of(bank: OwnBank) -> list[tuple[str, str]]:
    """Id and number of each."""
    query = "[print(account.pk, account.number) for account in Account.objects.all()]"
    lines = bank.manage("shell", "-v", "0", "-c", query).splitlines()
    return [(id, number) for id, number in map(str.split, lines)]


def test_web_workers_killed_while_forms_are_sent(bank: OwnBank) -> None:
    """Each person presses Send again until the receipt comes, and has paid once."""
    accounts, site = accounts_of(bank), Site(bank)
    receipts, killed_all = list[str](), threading.Event()

    def person(number: int) -> None:
        sender, recipient = accounts[number], accounts[(number + 1) % len(accounts)]
        while not killed_all.is_set():
            receipts.append(site.pay(sender[0], recipient[1], "1.00"))

    people = [threading.Thread(target=person, args=[number]) for number in range(4)]
    try:
        for each in people:
            each.start()
        for _ in range(4):
            enough = len(receipts) + 15
            wait_until(lambda: len(receipts) >= enough)  # noqa: B023 - called in this round
            for worker in site.workers():
                os.kill(worker, signal.SIGKILL)
        killed_all.set()
        for each in people:
            each.join(LONG)
    finally:
        killed_all.set()
        site.stop()
    assert len(receipts) >= 60
    assert sorted(bank.transfers()) == sorted(receipts), "each form is booked once, nothing else"
    assert "clean" in bank.manage("audit_ledger")


def test_fifty_requests_with_one_id_and_fifty_spends_of_a_full_balance(bank: OwnBank) -> None:
    (first, _), (_, number), *_ = accounts_of(bank)
    site, one_id = Site(bank), str(uuid.uuid4())
    try:
        with ThreadPoolExecutor(50) as pool:
            same = [pool.submit(site.pay, first, number, "5", one_id) for _ in range(50)]
            answers = [each.result() for each in same]
            spends = [pool.submit(site.pay, first, number, "999995") for _ in range(50)]
            receipts = [each.result() for each in spends]
    finally:
        site.stop()
    (paid_once,) = set(answers)
    paid = [receipt for receipt in receipts if receipt]
    assert len(paid) == 1
    assert sorted(bank.transfers()) == sorted([paid_once, *paid])
    assert "clean" in bank.manage("audit_ledger")
