"""Workers that are killed anywhere: no payment without its alert, no alert without its payment, and
each alert in a mail; what comes twice has the same Message-ID.
"""

import os
import random
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from banking.alerts.models import Alert
from banking.alerts.sending import LEASE, send_due
from ledger.env import BASE_DIR
from tests.banking.alerts.crash_worker import STEPS
from tests.banking.alerts.shared import wants
from tests.factories import AccountFactory
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)

LONG = 300  # seconds until what must happen has happened, on any machine
KILLS = 6
SEPARATOR = b"-" * 79  # between the mails of a file


def worker(account: object, folder: Path, first: int, later: float) -> subprocess.Popen[str]:
    its = connection.get_connection_params()
    place = {"NAME": its["dbname"], "USER": its["user"], "HOST": its["host"], "PORT": its["port"]}
    database = {f"DB_{name}": str(value) for name, value in place.items()}
    module = "tests.banking.alerts.crash_worker"
    return subprocess.Popen(
        [sys.executable, "-m", module, str(account), str(folder), str(first), f"{later:.0f}"],
        cwd=BASE_DIR,
        env={**os.environ, **database, "DJANGO_SETTINGS_MODULE": "ledger.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def mails_in(folder: Path) -> dict[str, set[bytes]]:
    """By Message-ID, the texts under it. A mail that was cut off by the kill has no text."""
    found: dict[str, set[bytes]] = {}
    for file in folder.iterdir():
        for raw in file.read_bytes().split(SEPARATOR):
            each = message_from_bytes(raw.strip())
            if each["Message-ID"] and each.is_multipart():
                text = each.get_payload(0).get_payload(decode=True)  # type: ignore[union-attr]
                found.setdefault(each["Message-ID"], set()).add(text)  # type: ignore[arg-type]
    return found


def test_each_payment_is_told_and_mailed_whoever_is_killed(tmp_path: Path) -> None:
    account = AccountFactory()
    wants(account, "money_in", 0, mail="now")
    chance = random.Random(17)  # noqa: S311 - no secret
    lease = LEASE.total_seconds()
    for number in range(KILLS):
        pair = [
            worker(account.pk, tmp_path, STEPS * number + shift, lease * (number + 1))
            for shift in (0, STEPS // 2)
        ]
        for each in pair:
            assert each.stdout is not None
            for _ in range(chance.randrange(1, 40)):
                each.stdout.readline()
            each.kill()
        for each in pair:
            each.communicate(timeout=LONG)
    assert send_due(timezone.now() + LEASE * (KILLS + 2)).waiting == 0

    paid = set(Transaction.objects.values_list("pk", flat=True))
    assert paid
    assert sorted(Alert.objects.values_list("about", flat=True)) == sorted(paid)
    assert not Alert.objects.filter(mailed_at=None).exists()
    ids = {str(pk) for pk in Alert.objects.values_list("mail_id", flat=True)}
    left = mails_in(tmp_path)
    sent = {*left, *(each.extra_headers["Message-ID"] for each in mail.outbox)}
    assert {each.strip("<>").partition("@")[0] for each in sent} == ids
    assert {each for each in left if len(left[each]) > 1} == set()
