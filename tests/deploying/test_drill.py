"""A drill: what breaks on one server, and what a person on duty sees of it, after how many seconds.

`make faults` runs it and prints a line for each, with a failover (`tests/ledger/test_patroni.py`).
"""

import json
import os
import re
import time
from collections import Counter

import pytest

from tests.deploying.conftest import HOST, MAIL_SERVER, NEEDS_A_MACHINE, Follow, psql, serves
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
CLIENTS = 200
# Each from an address of its own, as people are.
OVERLOAD = f"""
cd /root
for client in $(seq {CLIENTS}); do
    curl --silent --interface 127.1.0.$client --output /dev/null \\
        --write-out '%{{http_code}} %{{time_total}} %header{{retry-after}}\\n' \\
        'https://{HOST}/account/login/?[1-4]' > client.$client || true &
done
while [ $(jobs -r | wc -l) -gt {CLIENTS // 2} ]; do
    curl --silent --output /dev/null --write-out '%{{http_code}} %{{time_total}}\\n' \\
        http://127.0.0.1:8001/readyz >> probes
done
wait
cat client.*
"""
SLEEPS = """
SELECT count(*) FROM pg_stat_activity
WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()
"""
PEOPLE = """
ledger shell -v 0 -c '
from datetime import timedelta
from decimal import Decimal
from django.utils import timezone
from accounts.services import open_account
from accounts.sign_in import tokens
from transactions import services
person = User.objects.create_user("drill@bank.example", name="Drill")
mine, other = (open_account(user=person, currency="USD") for _ in range(2))
services.deposit(to_account=mine, amount=Decimal(1000))
token = tokens.issue(
    person=person, scopes=("read", "pay"), name="Drill", second_factor=True,
    expires_at=timezone.now() + timedelta(days=1),
)
print(mine.pk, mine.number, other.number, token.text)'
"""


def told(what: str, seen: str, since: float) -> None:
    print(f"{what}: {seen}, after {time.monotonic() - since:.1f} s")


def figure(bank: Machine, name: str) -> float:
    """The sum of this figure of /metrics over its labels."""
    page = bank.run(f"curl -sf -H 'Authorization: Bearer {TOKEN}' http://127.0.0.1:8001/metrics")
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.M))


@pytest.fixture(scope="module")
def drilled(bank: Machine) -> Machine:
    """The bank, whose figures can be read, and whose mails are kept."""
    bank.run(f"echo LEDGER_METRICS_TOKEN={TOKEN} >> /etc/ledger/ledger.env")
    bank.run("systemctl restart ledger-web")
    bank.run(MAIL_SERVER)
    wait_until(lambda: serves(bank))
    return bank


def test_overload_is_shed_and_probes_answer(drilled: Machine) -> None:
    since = time.monotonic()
    answers = [line.split(" ") for line in drilled.run(OVERLOAD).splitlines()]
    codes = Counter(code for code, _seconds, *_again in answers)
    longest = max(float(seconds) for code, seconds, *_again in answers if code == "200")
    probes = [line.split() for line in drilled.run("cat /root/probes").splitlines()]
    told(
        "Overload by 200 clients",
        f"answers {dict(codes)}, the longest of those with a page {longest:.1f} s;"
        f" {figure(drilled, 'ledger_http_not_begun_total'):.0f} not begun in"
        f" ledger_http_not_begun_total; /readyz took"
        f" {max(float(seconds) for _code, seconds in probes):.2f} s at most",
        since,
    )
    assert set(codes) <= {"200", "503"}
    assert {code for code, _seconds in probes} == {"200"}
    if codes["503"]:  # a quick machine answers all of them in time
        assert {again for code, _seconds, again in answers if code == "503"} <= {"5", "10", "15"}
        assert figure(drilled, "ledger_http_not_begun_total") > 0
    wait_until(lambda: serves(drilled))


def test_a_locked_row_stops_only_its_own_payments(drilled: Machine) -> None:
    mine, number, other, token = drilled.run(PEOPLE).split()[-4:]
    body = json.dumps({"from_account": mine, "to_number": other, "amount": "1"})
    lock = f"BEGIN; SELECT FROM accounts WHERE id = '{mine}' FOR UPDATE; SELECT pg_sleep(8)"
    since = time.monotonic()
    answers = drilled.run(
        f"""
        cd /root
        runuser -u postgres -- psql -d ledger -qAt > /dev/null <<< "{lock}" &
        until [ "$(runuser -u postgres -- psql -d ledger -Atc "{SLEEPS}")" = 1 ]; do :; done
        for payment in $(seq 20); do
            curl --silent --output /dev/null --write-out 'pay %{{http_code}} %{{time_total}}\\n' \\
                -H 'Authorization: Bearer {token}' -H "Idempotency-Key: drill $payment" \\
                -H 'Content-Type: application/json' --data '{body}' \\
                https://{HOST}/api/v1/transactions/ &
        done
        for page in $(seq 20); do
            curl --silent --output /dev/null --write-out 'page %{{http_code}} %{{time_total}}\\n' \\
                https://{HOST}/account/login/
        done
        wait
        """
    )
    found = [line.split() for line in answers.splitlines()]
    pages = [float(seconds) for kind, code, seconds in found if kind == "page"]
    codes = Counter(code for kind, code, _seconds in found if kind == "pay")
    longest = max(float(seconds) for kind, _code, seconds in found if kind == "pay")
    told(
        "A locked row, 20 payments",
        f"payments {dict(codes)}, the longest {longest:.1f} s; meanwhile 20 pages, the longest"
        f" {max(pages):.1f} s",
        since,
    )
    assert {code for kind, code, _seconds in found if kind == "page"} == {"200"}
    assert number


def test_a_killed_worker_starts_again(drilled: Machine) -> None:
    pid = drilled.run("systemctl show -P MainPID ledger-work").strip()
    since = time.monotonic()
    drilled.run(f"kill -9 {pid}")

    def runs() -> bool:
        state = drilled.run("systemctl show -P MainPID -P ActiveState ledger-work").split()
        return "active" in state and pid not in state and "0" not in state

    wait_until(runs)
    told("A killed worker", "systemd started it again", since)
    assert psql(drilled, "SELECT count(*) > 0 FROM job_records WHERE done_at IS NOT NULL") == "t"


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
    assert set(codes) <= {"200", "503"}
    assert codes["200"]
