"""A synchronous standby dies and stays away: who asks is told, and commands get the bank going."""

import http.client
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.embedded.pair import Pair
from tests.ledger.own_bank import OwnBank
from tests.ledger.own_pair import own_pair
from tests.ledger.own_site import Site, accounts_of
from tests.ledger.processes import assert_one_sentence, manage, reachable_folder, wait_until
from tests.ledger.servers import query, transfers_of
from tests.metrics import TOKEN, figure, figures_in

QUICK = 5  # seconds, for what waits for nobody; a commit waits for longer


@pytest.fixture
def pair() -> Iterator[Pair]:
    with own_pair(bank=True) as found:
        yield found


@pytest.fixture
def site(pair: Pair) -> Iterator[Site]:
    bank = OwnBank(pair.data_dir)
    bank.settings |= {
        "LEDGER_METRICS_TOKEN": TOKEN,
        "LEDGER_STATEMENT_TIMEOUT": "1",
        "LEDGER_LOCK_TIMEOUT": "1",
    }
    found = Site(bank)
    try:
        yield found
    finally:
        found.stop()


def answer(site: Site, path: str) -> str:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
    found = connection.getresponse()
    body = found.read().decode()
    connection.close()
    assert found.status == 200
    assert time.monotonic() - began < QUICK
    return body


def warned(site: Site) -> bool:
    told: dict[str, Any] = json.loads(answer(site, "/readyz"))
    assert told["status"] == "ready"
    return "warning" in told


def figures_of(site: Site) -> list[float | None]:
    found = figures_in(answer(site, "/metrics"))
    names = ("synchronous_standbys_needed", "synchronous_standbys", "commit_wait_seconds")
    return [figure(found, f"ledger_db_{name}") for name in names]


@pytest.mark.parametrize("way", ["again", "alone"])
def test_a_lost_standby_is_told_and_a_command_gets_the_bank_going(
    site: Site, pair: Pair, way: str
) -> None:
    (sender, _), (_, number), *_ = accounts_of(site.bank)
    id = str(uuid.uuid4())
    assert not warned(site)
    assert figures_of(site) == [1, 1, 0]

    pair.standby.kill()

    wait_until(lambda: warned(site))
    status, page = site.pay_once(sender, number, "1.00", id)
    assert status == 503
    assert "may have booked it already" in page
    wait_until(lambda: (figures_of(site)[2] or 0) > 0)
    assert figures_of(site)[:2] == [1, 0]

    done = manage(pair.data_dir, "standby", f"--{way}")

    assert done.returncode == 0, done.stderr
    assert warned(site) is (way == "alone")
    assert figures_of(site) == [int(way == "again")] * 2 + [0]
    receipt = site.pay(sender, number, "1.00", id)
    assert receipt in transfers_of(pair.primary)
    if way == "alone":
        refused = manage(pair.data_dir, "failover")
        assert_one_sentence(refused, "nothing was changed", "standby --again")
        assert manage(pair.data_dir, "standby", "--again").returncode == 0
    wait_until(lambda: receipt in transfers_of(pair.standby))
    assert figures_of(site) == [1, 1, 0]


OF_CUSTOMERS = ["/", "/accounts/", "/search/?q=rent"]
# By a commit that waits for nobody.
OLD = """SET synchronous_commit = local;
    UPDATE sessions SET last_seen_at = now() - interval '10 minutes'"""


ENDED = """SET synchronous_commit = local;
    UPDATE sessions SET last_seen_at = now() - interval '2 hours'"""


def led_to(site: Site, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("GET", path, headers={"Cookie": f"sessionid={site.cookie}"})
    found = connection.getresponse()
    connection.close()
    return found.headers.get("Location", "")


def test_pages_that_read_go_on_without_a_standby(site: Site, pair: Pair) -> None:
    """Though each notes when its session was last used, or that it has ended."""
    pair.standby.kill()
    wait_until(lambda: warned(site))

    for page in OF_CUSTOMERS:
        query(pair.primary, OLD)
        began = time.monotonic()
        site.get(page, site.cookie)
        assert time.monotonic() - began < QUICK, page
    query(pair.primary, ENDED)
    began = time.monotonic()
    assert led_to(site, "/accounts/").startswith("/account/login/")
    assert time.monotonic() - began < QUICK


def test_an_audit_proves_the_books_without_a_standby_and_says_so(pair: Pair) -> None:
    OwnBank(pair.data_dir)
    pair.standby.kill()
    wait_until(lambda: query(pair.primary, "SELECT count(*) FROM pg_stat_replication") == "0")

    done = manage(pair.data_dir, "audit_ledger")

    assert done.returncode == 0, done.stderr
    assert "clean" in done.stdout
    assert "No standby confirms" in done.stderr
    kept = "SELECT count(*) FROM audit_runs, job_records WHERE name = 'audit_ledger'"
    assert query(pair.primary, kept) == "1"


def test_a_single_server_is_left_alone() -> None:
    with reachable_folder() as other:
        done = manage(other / "data", "standby", "--alone")
    assert_one_sentence(done, "There is no standby")


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        (["failover"], "Promote"),
        (["standby", "--again"], "Start your standby again"),
        (["standby", "--alone"], "synchronous_standby_names"),
        (["stop_db"], "embedded server"),
    ],
)
def test_a_server_of_ones_own_is_treated_by_its_own_means(command: list[str], advice: str) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/ledger"
    with reachable_folder() as other:
        done = manage(other / "data", *command, DATABASE_URL=url, LEDGER_URL="http://localhost")
    assert_one_sentence(done, "your own server")
    assert advice in done.stderr
    assert ("Promote" in done.stderr) is (command == ["failover"])
    assert "secret" not in done.stderr
