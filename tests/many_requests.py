"""Many parallel requests and then SIGTERM: `python -m tests.many_requests --clients 200 --seconds
30`.

Starts a bank and its site, sends requests for pages, static files and payments from many clients in
parallel, and compares /metrics with the clients' counts. Then the clients send for another quarter
of the time, and the site is stopped in the middle of it.

Prints the counts. Exits with 1 if a response was a 5xx, if a request got no response, if the memory
of a worker grew, or if the booked payments or /metrics differ from the responses.
"""

import argparse
import http.client
import random
import re
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from tests.ledger.own_bank import OwnBank
from tests.ledger.own_site import Payer, Site, sign_in_people
from tests.ledger.processes import LONG, own_data_dir
from tests.metrics import TOKEN as OF_METRICS
from tests.metrics import figures_in

PAGES = ("/", "/accounts/", "/search/?q=rent", "/transfers/new/", "/healthz", "/static/favicon.svg")
TOKEN = "x" * 32
CHANCE, PART_THAT_PAYS = random.Random(), 0.2  # noqa: S311  nothing to guess
SAMPLES_A_SECOND = 2
MOST_GROWTH = 0.05  # maximum growth of a worker's memory between the second and the last quarter


@dataclass
class Counts:
    """The counts of the clients, and the memory of each worker over time, in MiB."""

    answers: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    refused: int = 0  # connections after the site ended, on which nothing was sent
    receipts: list[str] = field(default_factory=list)
    memory: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    booked: list[str] = field(default_factory=list)
    audit: str = ""
    # Responses by class and payments with a receipt at the pause of the clients, and the same
    # counts in /metrics.
    at_pause: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)

    def so_far(self) -> Counter[str]:
        """Returns the responses by class, and the payments, in the form of /metrics."""
        found = Counter(booked=len(self.receipts))
        for status, number in self.answers.items():
            found[f"{status[0]}xx"] += number
        return found

    @property
    def growth(self) -> list[float]:
        """Returns the relative growth of each worker's memory, from the second quarter to the
        last.
        """
        part = len(self.memory) // 4
        quarters = self.memory[part : 2 * part], self.memory[-part:]
        second, last = ([median(each) for each in zip(*one, strict=True)] for one in quarters)
        return [after / before - 1 for before, after in zip(second, last, strict=True)]

    def failures(self, *, most_growth: float) -> list[str]:
        """Returns the failures as sentences."""
        errors = sum(number for status, number in self.answers.items() if status >= "500")
        found = {
            f"{errors} answers of 5xx": errors > 0,
            f"{self.answers['429']} answers of 429": "429" in self.answers,
            f"{len(self.lost)} requests without an answer: {self.lost[:3]}": bool(self.lost),
            f"memory grew by {self.growth}": max(self.growth) > most_growth,
            f"/metrics says {self.figures}, the clients {self.at_pause}": self.figures
            != self.at_pause,
            "books and receipts differ": sorted(self.booked) != sorted(self.receipts),
            f"the audit says: {self.audit}": "clean" not in self.audit,
        }
        return [sentence for sentence, is_so in found.items() if is_so]


class SendingClient(threading.Thread):
    """One person who sends requests. The person keeps the connection, or opens a new connection for
    each request.
    """

    def __init__(
        self,
        site: Site,
        person: Payer,
        counts: Counts,
        pause: threading.Event | None = None,
    ) -> None:
        super().__init__()
        self.pause = pause or threading.Event()
        self.site, self.person, self.counts = site, person, counts
        self.keeps = CHANCE.random() < 0.5
        self.connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        try:
            while not self.pause.is_set() and self.get(CHANCE.choice(PAGES)):
                if CHANCE.random() < PART_THAT_PAYS and not self.pay():
                    return
        finally:
            if self.connection:
                self.connection.close()

    def get(self, path: str) -> bool:
        """Sends a GET request. Returns whether the site was still running."""
        return self.ask("GET", path) is not None

    def pay(self) -> bool:
        (sender, _), (_, number) = CHANCE.sample(self.person.accounts, 2)
        form = {
            "id": str(uuid.uuid4()), "from_account": sender, "number": number, "amount": "1.00",
            "description": "", "reference": "",
        }  # fmt: skip
        page = self.ask("POST", "/transfers/new/", form)
        review = re.search('name="reviewed" value="([^"]+)"', page or "")
        if not review:
            return page is not None
        leads_to = self.ask(
            "POST", "/transfers/new/", {**form, "step": "send", "reviewed": review[1]}
        )
        if found := re.search(r"/transactions/([0-9a-f-]+)/", leads_to or ""):
            self.counts.receipts.append(found[1])
        return leads_to is not None

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> str | None:
        """Sends a request. Returns the page or the target of its redirect, or None if the site is
        not running any more.
        """
        begun, is_kept = time.monotonic(), self.connection is not None
        connection = self.connection or http.client.HTTPConnection(
            "127.0.0.1", self.site.port, timeout=LONG
        )
        self.connection = None
        try:
            if connection.sock is None:
                connection.connect()
        except OSError:
            self.counts.refused += 1
            return None
        headers = {"Cookie": f"sessionid={self.person.cookie}; csrftoken={TOKEN}"}
        if not self.keeps:
            headers["Connection"] = "close"
        body = None
        if form is not None:
            body = urlencode({**form, "csrfmiddlewaretoken": TOKEN})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            page = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if is_kept and isinstance(error, ConnectionError):
                # The site may close a kept connection. Clients then open a new connection.
                return self.ask(method, path, form)
            self.counts.lost.append(f"{method} {path}: {type(error).__name__}")
            return None
        self.counts.answers[str(answer.status)] += 1
        self.counts.seconds.append(time.monotonic() - begun)
        if connection.sock is None or not self.keeps:
            connection.close()
        else:
            self.connection = connection
        return answer.headers.get("Location") or page


def resident(pid: int) -> float:
    """Returns the current memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def figures_of(site: Site) -> Counter[str]:
    """Returns the counts of responses and payments in /metrics, without requests for /metrics
    itself.
    """
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=LONG)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {OF_METRICS}"})
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = Counter[str]()
    for (name, labels), value in figures_in(text).items():
        of = dict(labels)
        if name == "ledger_http_requests_total" and of["route"] != "metrics":
            found[of["status"]] += int(value)
        elif name == "ledger_payments_total" and of["outcome"] == "booked":
            found["booked"] += int(value)
    return found


def send(
    site: Site, people: Sequence[Payer], counts: Counts, seconds: float
) -> tuple[list[SendingClient], threading.Event]:
    """Starts the clients and waits. Returns the clients, and the event that makes them pause."""
    pause, workers = threading.Event(), site.workers()
    threads = [SendingClient(site, person, counts, pause) for person in people]
    for thread in threads:
        thread.start()
    for _ in range(int(seconds * SAMPLES_A_SECOND)):
        time.sleep(1 / SAMPLES_A_SECOND)
        counts.memory.append([resident(pid) for pid in workers])
    return threads, pause


def measure(bank: OwnBank, clients: int, seconds: float) -> Counts:
    """Sends requests, compares the counts, and sends again while SIGTERM stops the site. Returns
    the counts, with the booked payments and the result of the audit.
    """
    bank.settings["LEDGER_METRICS_TOKEN"] = OF_METRICS
    site, people, counts = Site(bank), sign_in_people(bank, clients), Counts()
    before = figures_of(site)
    threads, pause = send(site, people, counts, seconds)
    pause.set()
    for thread in threads:
        thread.join(LONG)
    counts.at_pause, counts.figures = counts.so_far(), figures_of(site) - before

    threads, _ = send(site, people, counts, seconds / 4)
    site.process.terminate()
    for thread in threads:
        thread.join(LONG)
    site.stop()
    counts.booked, counts.audit = bank.transfers(), bank.manage("audit_ledger")
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    with own_data_dir() as data_dir:
        counts = measure(OwnBank(data_dir), given.clients, given.seconds)
    slow = sorted(counts.seconds)
    print(f"answers: {dict(counts.answers)}, lost: {len(counts.lost)}, refused: {counts.refused}")
    print(f"at the pause: {dict(counts.at_pause)}, of /metrics: {dict(counts.figures)}")
    print(f"payments: {len(counts.receipts)} receipts, {len(counts.booked)} in the books")
    print(f"median {median(slow):.2f} s, 95 % {slow[int(len(slow) * 0.95)]:.2f} s")
    for worker in zip(*counts.memory[:: max(1, len(counts.memory) // 8)], strict=True):
        print("memory of a worker, MiB:", *(f"{each:.1f}" for each in worker))
    print("growth:", [f"{part:+.1%}" for part in counts.growth])
    failures = counts.failures(most_growth=MOST_GROWTH)
    print("\n".join(failures) or "Nothing was lost, and nothing grew.")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
