"""A drill: what breaks on one server, and what a person on duty sees of it, after how many seconds.

`make faults` runs it and prints a line for each, with a failover (`tests/ledger/test_patroni.py`).
"""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterable
from statistics import quantiles

import pytest

from ledger.web.waiting import MAX_SECONDS
from tests.deploying.conftest import (
    AUTHORITY,
    HOST,
    MAIL_SERVER,
    NEEDS_A_MACHINE,
    Follow,
    serves,
)
from tests.deploying.machine import Machine
from tests.ledger.processes import wait_until
from tests.metrics import TOKEN

pytestmark = [
    NEEDS_A_MACHINE,
    pytest.mark.skipif(
        "LEDGER_FAULT_SECONDS" not in os.environ,
        reason="make faults runs the drill: it takes the whole computer",
    ),
]
CLIENTS, PAYERS = 200, 60  # the payers are more than the threads
PASSWORD = "lanterns-over-slow-rivers"
# Many who sign in, some of whom pay one shop.
PEOPLE = f"""
ledger shell -v 0 -c '
from datetime import timedelta
from decimal import Decimal
from allauth.account.models import EmailAddress
from django.utils import timezone
from accounts.services import open_account
from accounts.sign_in import tokens
from transactions import services
people = [User(email=f"p{{n}}@bank.example", name=f"P {{n}}") for n in range(1, {CLIENTS} + 1)]
people[0].set_password("{PASSWORD}")
for person in people:
    person.password, person.password_is_long = people[0].password, people[0].password_is_long
User.objects.bulk_create(people)
EmailAddress.objects.bulk_create(
    EmailAddress(user=person, email=person.email, verified=True, primary=True) for person in people
)
shop = open_account(user=people[-1], currency="USD")
print("shop", shop.pk, shop.number)
for person in people[:{PAYERS}]:
    account = open_account(user=person, currency="USD")
    services.deposit(to_account=account, amount=Decimal(1000))
    token = tokens.issue(
        person=person, scopes=("read", "pay"), name="Drill", second_factor=True,
        expires_at=timezone.now() + timedelta(days=1),
    )
    print("payer", account.pk, token.text)'
"""
LOCK = """
BEGIN; SELECT FROM accounts WHERE id = '%s' FOR UPDATE; SELECT pg_sleep(600)
"""
SLEEPS = """
FROM pg_stat_activity
WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()
"""


def told(what: str, seen: str, since: float) -> None:
    print(f"{what}: {seen}, after {time.monotonic() - since:.1f} s")


def together(requests: Iterable[str]) -> str:
    """A curl which sends these requests in parallel, each from an address of its own, as people do.
    They are the settings of this one program, because its start takes longer than a request.
    """
    settings = "next".join(
        f"""
        silent
        output = /dev/null
        cacert = {AUTHORITY}
        interface = 127.3.0.{place}
        {request}
        """
        for place, request in enumerate(requests, 1)
    )
    return f"curl --parallel --parallel-immediate --parallel-max {CLIENTS} -K - <<< '{settings}'"


def signing_in(person: int) -> str:
    """A sign-in, which costs the hash of a password."""
    token = "x" * 32
    data = f"csrfmiddlewaretoken={token}&login=p{person}@bank.example&password={PASSWORD}"
    return f"""
        url = https://{HOST}/account/login/
        write-out = "%{{http_code}} %{{time_total}} %header{{retry-after}}\\n"
        referer = https://{HOST}/
        cookie = __Host-csrftoken={token}
        data = {data}
    """


def payment(payer: list[str], number: str, key: str) -> str:
    account, token = payer
    data = json.dumps({"from_account": account, "to_number": number, "amount": "1"})
    return f"""
        url = https://{HOST}/api/v1/transactions/
        write-out = "pay %{{http_code}} %{{time_total}}\\n"
        header = "Authorization: Bearer {token}"
        header = "Content-Type: application/json"
        header = "Idempotency-Key: {key}"
        data = {json.dumps(data)}
    """


def figure(bank: Machine, name: str) -> float:
    """The sum of this figure of /metrics over its labels."""
    page = bank.run(f"curl -sf -H 'Authorization: Bearer {TOKEN}' http://127.0.0.1:8001/metrics")
    samples = re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", page, re.M)
    assert samples, name
    return sum(float(value) for value in samples)


@pytest.fixture(scope="module")
def drilled(bank: Machine) -> Machine:
    """The bank, whose figures can be read, and whose mails are kept."""
    bank.run(f"echo LEDGER_METRICS_TOKEN={TOKEN} >> /etc/ledger/ledger.env")
    bank.run("systemctl restart ledger-web")
    bank.run(MAIL_SERVER)
    wait_until(lambda: serves(bank))
    return bank


@pytest.fixture(scope="module")
def people(drilled: Machine) -> list[list[str]]:
    """The words of each line: the shop's account and its number, and each payer's with a token."""
    return [line.split()[1:] for line in drilled.run(PEOPLE).splitlines() if line]


@pytest.mark.usefixtures("people")
def test_overload_is_shed_and_probes_answer(drilled: Machine) -> None:
    since = time.monotonic()
    # The computers of the people, and the one that probes, do not wait for this one, so they come
    # before it (nice).
    seen = drilled.run(
        f"""
        cd /root
        nice -n -10 {together(map(signing_in, range(1, CLIENTS + 1)))} > answers &
        while [ "$(jobs -r)" ]; do
            nice -n -10 curl --silent --output /dev/null \\
                --write-out '%{{http_code}} %{{time_total}}\\n' \\
                http://127.0.0.1:8001/readyz >> probes
        done
        cat answers
        """
    )
    answers = [line.split(" ") for line in seen.splitlines()]
    codes = Counter(code for code, _seconds, _again in answers)
    served = [float(seconds) for code, seconds, _again in answers if code == "302"]
    again = sorted({again for code, _seconds, again in answers if code == "503"})
    probes = [line.split() for line in drilled.run("cat /root/probes").splitlines()]
    probed = [float(seconds) for _code, seconds in probes]
    half, nine_tenths = quantiles(probed, n=10, method="inclusive")[4::4]
    waits = "ledger_http_wait_seconds"
    longer = figure(drilled, f"{waits}_count") - figure(
        drilled, f'{waits}_bucket{{le="{MAX_SECONDS:.1f}"}}'
    )
    not_begun = figure(drilled, "ledger_http_not_begun_total")
    told(
        f"Overload, {CLIENTS} people who sign in together",
        f"answers {dict(codes)}, 503 with Retry-After {', '.join(again)}; the longest sign-in"
        f" {max(served):.1f} s; {not_begun:.0f} in ledger_http_not_begun_total, {longer:.0f} above"
        f" {MAX_SECONDS} s in {waits}; {len(probed)} times /readyz, half of them in"
        f" {half:.2f} s, nine tenths in {nine_tenths:.2f} s, the longest {max(probed):.2f} s",
        since,
    )
    assert set(codes) == {"302", "503"}, "a computer as quick as this needs more clients"
    assert all(int(seconds) > 0 for seconds in again)
    assert codes["503"] == not_begun == longer
    assert {code for code, _seconds in probes} == {"200"}
    # Pages wait up to MAX_SECONDS.
    assert half < 1
    assert nine_tenths < 2
    wait_until(lambda: serves(drilled))


def test_a_locked_row_stops_only_its_own_payments(
    drilled: Machine, people: list[list[str]]
) -> None:
    """The payers are as many people: what one person runs in parallel is limited before it."""
    (shop, number), *payers = people
    since = time.monotonic()
    answers = drilled.run(
        f"""
        cd /root
        psql() {{ runuser -u postgres -- psql -d ledger -qAt; }}
        psql > /dev/null 2>&1 <<< "{LOCK % shop}" &
        unlock() {{ psql <<< "SELECT pg_terminate_backend(pid) {SLEEPS}" > /dev/null; }}
        trap unlock EXIT
        until [ "$(psql <<< "SELECT count(*) {SLEEPS}")" = 1 ]; do :; done
        {together(payment(payer, number, "drill") for payer in payers)} > payments &
        payments=$!
        for page in $(seq 20); do
            curl --silent --output /dev/null --write-out 'page %{{http_code}} %{{time_total}}\n' \
                https://{HOST}/account/login/
        done
        wait $payments
        cat payments
        """
    )
    found = [line.split() for line in answers.splitlines()]
    pages = [float(seconds) for kind, code, seconds in found if kind == "page"]
    codes = Counter(code for kind, code, _seconds in found if kind == "pay")
    longest = max(float(seconds) for kind, _code, seconds in found if kind == "pay")
    told(
        f"A locked row, payments of {PAYERS} people",
        f"payments {dict(codes)}, the longest {longest:.1f} s; meanwhile 20 pages, the longest"
        f" {max(pages):.1f} s",
        since,
    )
    assert codes == {"409": PAYERS}
    assert {code for kind, code, _seconds in found if kind == "page"} == {"200"}
    # All threads may wait for one lock timeout of two seconds, but not for one after another.
    # Without Note [Blocked accounts], these payments take four of them, and the last get 503.
    assert max(pages) < 4
    assert longest < 8
    assert "pay 201" in drilled.run(together([payment(payers[0], number, "free")]))


def test_a_killed_worker_starts_again(drilled: Machine) -> None:
    pid = drilled.run("systemctl show -P MainPID ledger-work").strip()
    since = time.monotonic()
    drilled.run(f"kill -9 {pid}")

    def runs() -> bool:
        state = drilled.run("systemctl show -P MainPID -P ActiveState ledger-work").split()
        return "active" in state and pid not in state and "0" not in state

    wait_until(runs)
    told("A killed worker", "nothing is reported; systemd started it again", since)


def test_a_wrong_setting_is_mailed(drilled: Machine, follow: Follow) -> None:
    since = time.monotonic()
    drilled.run("echo LEDGER_THREADS=many >> /etc/ledger/ledger.env")
    drilled.run("systemctl restart --no-block ledger-web")
    wait_until(lambda: "ledger-web failed" in drilled.run("cat /root/mails"))
    told("A service with a wrong setting", "a mail that ledger-web failed", since)
    drilled.run("sed -i '/LEDGER_THREADS=many/d' /etc/ledger/ledger.env")
    follow("changed")
    wait_until(lambda: serves(drilled))


def test_a_restart_under_load_loses_no_request(drilled: Machine) -> None:
    since = time.monotonic()
    found = drilled.run(
        f"""
        cd /root
        trap 'touch over' EXIT
        for client in $(seq 8); do
            while [ ! -e over ]; do
                curl --silent --output /dev/null --interface 127.2.0.$client \\
                    --write-out '%{{http_code}} %{{time_total}}\\n' https://{HOST}/account/login/
            done > restart.$client &
        done
        systemctl restart ledger-web
        curl --silent --output /dev/null https://{HOST}/account/login/
        touch over
        wait
        cat restart.*
        """
    )
    answers = [line.split() for line in found.splitlines()]
    codes = Counter(code for code, _seconds in answers)
    longest = max(float(seconds) for _code, seconds in answers)
    told("A restart under load", f"{dict(codes)}, the longest {longest:.1f} s", since)
    assert set(codes) == {"200"}
