"""A web server with its worker processes: the figures agree with what the client counted."""

import http.client
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.metrics.shared import IN_MEMORY, PREFIX
from ledger.server.gunicorn_settings import workers
from tests.ledger.own_site import GunicornSite, Site, own_site
from tests.ledger.processes import wait_until
from tests.metrics import TOKEN, Figures, figure, figures_in

PATHS = ("/", "/healthz", "/account/login/", "/nowhere/", "/static/ledger.css")
ROUTES = dict(zip(PATHS, ("home", "healthz", "account_login", "unknown", "static"), strict=True))
EACH, AT_ONCE = 40, 8


@pytest.fixture
def site() -> Iterator[Site]:
    with own_site(LEDGER_METRICS_TOKEN=TOKEN) as found:
        yield found


@pytest.fixture(params=[(Site, "text"), (GunicornSite, "json")], ids=["serve", "gunicorn"])
def site_of_each_kind(request: pytest.FixtureRequest) -> Iterator[Site]:
    """As a laptop starts it, and as the image and the units of deploy/server do."""
    kind, log = request.param
    with own_site(kind, LEDGER_METRICS_TOKEN=TOKEN, LOG_FORMAT=log) as found:
        yield found


def ask(port: int, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def scraped(port: int) -> Figures:
    status, text = ask(port, "/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    return figures_in(text)


def requests_in(found: Figures) -> Counter[str]:
    return Counter(
        {
            f"{dict(labels)['route']} {dict(labels)['status']}": int(value)
            for (name, labels), value in found.items()
            if name == "ledger_http_requests_total" and value
        }
    )


def test_the_figures_are_those_of_all_workers_and_of_the_client(site_of_each_kind: Site) -> None:
    site = site_of_each_kind
    before = requests_in(scraped(site.port))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = threads.map(lambda path: (path, ask(site.port, path)[0]), PATHS * EACH)
        counted = Counter(f"{ROUTES[path]} {status // 100}xx" for path, status in answers)
    assert sum(counted.values()) == EACH * len(PATHS)
    found = scraped(site.port)
    grown = requests_in(found) - before
    assert {route: grown[route] for route in counted} == counted
    assert figure(found, "ledger_processes") == workers + 1
    assert figure(found, "ledger_metrics_shared") == 1
    assert figure(found, "ledger_http_requests_in_flight") == 1, "this one"
    for worker in range(workers + 1):
        assert (figure(found, "process_resident_memory_bytes", worker=str(worker)) or 0) > 1e7
        assert (figure(found, "process_open_fds", worker=str(worker)) or 0) > 3
        assert (figure(found, "process_start_time_seconds", worker=str(worker)) or 0) > 1e9


def test_payments_and_refusals_of_pages_are_those_of_the_books(site: Site) -> None:
    query = "print(*Account.objects.order_by('pk').values_list('pk', 'number')[:2])"
    printed = site.bank.manage("shell", "-v", "0", "-c", query)
    (sender, _), (_, number) = [each.strip("()").replace("'", "").split(", ")
                                for each in printed.replace("UUID(", "").replace(")", "")
                                .strip().split(" (")]  # fmt: skip
    before = scraped(site.port)
    receipts = [site.pay(sender, number, "1.00") for _ in range(5)]
    assert all(receipts)
    assert site.pay(sender, number, "999999999") == ""
    after = scraped(site.port)

    def grown(name: str, **labels: str) -> float:
        return (figure(after, name, **labels) or 0) - (figure(before, name, **labels) or 0)

    assert grown("ledger_payments_total", kind="transfer", outcome="booked") == 5
    assert len(site.bank.transfers()) >= 5
    assert grown("ledger_refusals_total", error="InsufficientFunds", where="review") == 1


def test_no_count_is_lost_when_a_worker_is_killed(site: Site) -> None:
    for _ in range(10):
        ask(site.port, "/healthz")
    before = requests_in(scraped(site.port))["healthz 2xx"]
    for pid in site.workers():
        os.kill(pid, signal.SIGKILL)

    def is_back() -> bool:
        try:
            return bool(figure(scraped(site.port), "ledger_processes") == workers + 1)
        except OSError:
            return False

    wait_until(is_back)
    assert requests_in(scraped(site.port))["healthz 2xx"] >= before


def test_the_folder_of_the_counts_goes_with_the_server(site: Site) -> None:
    ask(site.port, "/healthz")
    mapped = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in site.workers())
    (name,) = set(re.findall(f"{PREFIX}[0-9a-f]+", mapped))  # other sites have theirs
    assert (IN_MEMORY / name).exists()
    site.process.terminate()
    site.process.wait()
    assert not (IN_MEMORY / name).exists()
