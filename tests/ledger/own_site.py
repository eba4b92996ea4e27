"""A web server of its own before a bank of its own, and people who pay there."""

import http.client
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from ledger.env import BASE_DIR
from tests.ledger.own_bank import (
    Load,
    OwnBank,
    assert_nothing_lost_and_nothing_invented,
    own_bank,
)
from tests.ledger.processes import LONG, MANAGE, free_port, wait_until


class Site:
    """gunicorn with its workers, and a person signed in."""

    def __init__(self, bank: OwnBank) -> None:
        self.bank, self.port = bank, free_port()
        self.unavailable: list[float] = []  # moments of answers with status 503
        self.process = self.start()
        self.cookie = self.sign_in()

    def start(self) -> subprocess.Popen[str]:
        found = subprocess.Popen(
            [*MANAGE, "serve"],
            env={**self.bank.settings, "PORT": str(self.port)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert found.stdout is not None
        for line in found.stdout:
            if "Ctrl-C" in line:
                break
        return found

    def sign_in(self) -> str:
        """The cookie of a new session of the one person."""
        session = "from tests.load import session_of; print(session_of(User.objects.get()))"
        return self.bank.manage("shell", "-v", "0", "-c", session).strip()

    def get(self, path: str, cookie: str) -> str:
        """The page that the session with this cookie gets."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Cookie": f"sessionid={cookie}"})
            answer = connection.getresponse()
            page = answer.read().decode()
            assert answer.status == 200, answer.status
            return page
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """The children of gunicorn's master, which is the only child of `serve`."""
        (master,) = children_of(self.process.pid)
        return children_of(master)

    def pay(self, sender: str, number: str, amount: str, id: str | None = None) -> str:
        """Reviews a transfer and sends it, again until an answer comes; the id of its receipt, or
        "" if it is refused.
        """
        form = form_of(sender, number, amount, id)
        deadline = time.monotonic() + LONG
        while time.monotonic() < deadline:
            with suppress(ConnectionError):
                leads_to, page = self.post(form)
                if review := re.search('name="reviewed" value="([^"]+)"', page):
                    leads_to, _ = self.post({**form, "step": "send", "reviewed": review[1]})
                return _id_in(leads_to)
        raise TimeoutError

    def pay_once(self, sender: str, number: str, amount: str, id: str) -> tuple[int, str]:
        """The same, sent once: the status and the HTML of the answer."""
        form = form_of(sender, number, amount, id)
        _, _, page = self.answer(form)
        review = re.search('name="reviewed" value="([^"]+)"', page)
        assert review
        return self.send({**form, "step": "send", "reviewed": review[1]})

    def send(self, form: dict[str, str]) -> tuple[int, str]:
        """The status and the HTML of the answer to a reviewed form."""
        status, _, page = self.answer(form)
        return status, page

    def send_again(self, form: dict[str, str]) -> str:
        """Sends a reviewed form until an answer comes; the id of its receipt."""
        deadline = time.monotonic() + LONG
        while time.monotonic() < deadline:
            with suppress(ConnectionError):
                leads_to, _ = self.post(form)
                return _id_in(leads_to)
        raise TimeoutError

    def post(self, form: dict[str, str]) -> tuple[str, str]:
        """Where the answer leads to, "" for a page, and its HTML; ConnectionError where none
        comes, the database is away, or others of the person's requests take too long.
        """
        status, leads_to, page = self.answer(form)
        if status == 503:
            self.unavailable.append(time.monotonic())
        if status in (429, 503):  # nothing was changed: try again
            raise ConnectionError(status)
        assert status in (200, 302), status
        return leads_to, page

    def answer(self, form: dict[str, str]) -> tuple[int, str, str]:
        """The status, where the answer leads to, and its HTML; ConnectionError where none comes."""
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
            return answer.status, answer.headers.get("Location", ""), answer.read().decode()
        except http.client.HTTPException as error:
            raise ConnectionError from error
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=LONG)


class GunicornSite(Site):
    """The same without `serve`, as docs/running.md starts gunicorn."""

    def start(self) -> subprocess.Popen[str]:
        found = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("gunicorn")),
                "-c",
                "python:ledger.server.gunicorn_settings",
                "ledger.wsgi",
            ],
            cwd=BASE_DIR,
            env={**self.bank.settings, "PORT": str(self.port)},
            stdin=subprocess.DEVNULL,
            text=True,
        )
        wait_until(lambda: found.poll() is not None or self.listens())
        assert found.poll() is None, "gunicorn has ended by itself"
        return found

    def listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def workers(self) -> list[int]:
        return children_of(self.process.pid)


def _id_in(address: str) -> str:
    """Of a receipt's address."""
    return re.sub(r".*/transactions/([0-9a-f-]+)/", r"\1", address)


def form_of(sender: str, number: str, amount: str, id: str | None) -> dict[str, str]:
    """The fields of a transfer."""
    return {
        "id": id or str(uuid.uuid4()), "from_account": sender, "number": number, "amount": amount,
        "description": "", "reference": "",
    }  # fmt: skip


def kept_fields(page: str) -> dict[str, str]:
    """Of the form that the page keeps."""
    found = re.findall('<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in found}


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]


def accounts_of(bank: OwnBank) -> list[tuple[str, str]]:
    """Id and number of each."""
    query = "[print(account.pk, account.number) for account in Account.objects.all()]"
    lines = bank.manage("shell", "-v", "0", "-c", query).splitlines()
    return [(id, number) for id, number in map(str.split, lines)]


class Payer(NamedTuple):
    """A person: the cookie of their session, and the id and number of each account."""

    cookie: str
    accounts: list[tuple[str, str]]


def sign_in_people(bank: OwnBank, count: int) -> list[Payer]:
    """So many new people. Each may run only some requests in parallel."""
    query = f"from tests.load import sign_in_people; sign_in_people({count})"
    found = []
    for line in bank.manage("shell", "-v", "0", "-c", query).splitlines():
        cookie, *facts = line.split()
        found.append(Payer(cookie, list(zip(facts[::2], facts[1::2], strict=True))))
    return found


@contextmanager
def own_site(kind: type[Site] = Site, **settings: str) -> Iterator[Site]:
    """A site before a bank of its own with these settings; both are deleted after the block."""
    with own_bank(**settings) as bank:
        found = kind(bank)
        try:
            yield found
        finally:
            found.stop()


class People:
    """Four people who pay on the pages, each again until the receipt comes."""

    def __init__(self, bank: OwnBank, kind: type[Site]) -> None:
        self.accounts, self.site = accounts_of(bank), kind(bank)
        self.receipts: list[str] = []
        self.moments: list[float] = []
        self.errors: list[Exception] = []
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self._pay, args=[each]) for each in range(4)]

    def _pay(self, number: int) -> None:
        sender, recipient = self.accounts[number], self.accounts[(number + 1) % 4]
        try:
            while not self.is_over.is_set():
                self.receipts.append(self.site.pay(sender[0], recipient[1], "1.00"))
                self.moments.append(time.monotonic())
        except Exception as error:
            self.errors.append(error)
            raise

    def wait_for(self, more: int) -> None:
        enough = len(self.receipts) + more
        wait_until(lambda: len(self.receipts) >= enough)


@contextmanager
def people(bank: OwnBank, kind: type[Site] = Site) -> Iterator[People]:
    found = People(bank, kind)
    try:
        for thread in found.threads:
            thread.start()
        yield found
    finally:
        found.is_over.set()
        for thread in found.threads:
            thread.join(LONG)
        found.site.stop()
    assert found.errors == [], "a page answered otherwise than by a receipt or a 503"


def assert_every_receipt_is_in_the_books(bank: OwnBank, paying: Load, there: People) -> None:
    pages = there.receipts
    assert len(pages) == len(set(pages))
    assert set(pages) <= set(bank.transfers()), "a receipt was shown, and the payment is gone"
    assert_nothing_lost_and_nothing_invented(bank, paying, others=pages)


def longest_gap(moments: list[float], after: float, until: float = float("inf")) -> float:
    """Seconds without a payment, at most, from shortly before `after` on."""
    found = sorted(moment for moment in moments if after - 1 < moment < until)
    return max(later - earlier for earlier, later in pairwise(found))
