"""A bank goes out by dumpdata and into an empty one by loaddata, proved before it commits."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.backups.fixtures import OPTIONAL, in_order
from ledger.embedded.server import EmbeddedServer
from tests.ledger.own_bank import OwnBank
from tests.ledger.processes import (
    LONG,
    MANAGE,
    assert_one_sentence,
    environment,
    manage,
    wait_until,
)
from tests.ledger.servers import query

NewFolder = Callable[[], Path]


# A capture and a refund of it whose ids come before those of their originals, as ids have that are
# made of a text; and a number with more digits than a float keeps.
ODD_ROWS = """
from decimal import Decimal
from uuid import UUID
from accounts.models import Account
from transactions import services

sender, recipient = Account.objects.exclude(user=None)[:2]
hold = services.hold(from_account=sender, to_account=recipient, amount=10)
captured = services.capture(hold=hold, id=UUID("00000000-0000-4000-8000-000000000002"))
services.reverse(transaction=captured, id=UUID("00000000-0000-4000-8000-000000000001"))
rate = {"rate": Decimal("0.123456789012345678910")}
services.transfer(from_account=sender, to_account=recipient, amount=1, metadata=rate)
"""


@pytest.fixture(scope="module")
def fixture(bank: OwnBank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fixture") / "bank.json"
    bank.manage("shell", "-v", "0", "-c", ODD_ROWS)
    bank.manage("dumpdata", "-o", str(file))
    return file


def rows(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


def users(folder: Path) -> str:
    return query(EmbeddedServer(folder), "SELECT count(*) FROM users")


def test_a_bank_makes_the_round_trip_row_by_row(
    fixture: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    folder, again = new_folder(), tmp_path / "again.json"
    assert manage(folder, "migrate").returncode == 0

    done = manage(folder, "loaddata", str(fixture))

    assert done.returncode == 0, done.stderr
    assert manage(folder, "dumpdata", "-o", str(again)).returncode == 0
    assert rows(again) == rows(fixture)
    assert again.stat().st_mode & 0o777 == 0o600  # for its owner, as a backup is
    assert "clean" in manage(folder, "audit_ledger").stdout
    assert_one_sentence(manage(folder, "loaddata", str(fixture)), "Nothing was loaded")


def test_a_login_that_sees_no_row_writes_no_copy(bank: OwnBank, tmp_path: Path) -> None:
    file, policies = tmp_path / "bank.json", {"LEDGER_ROW_SECURITY": "True"}
    assert manage(bank.data_dir, "prepare", **policies).returncode == 0
    try:
        web = {**policies, "LEDGER_ROLE": "web"}
        done = manage(bank.data_dir, "dumpdata", "-o", str(file), **web)
        by_owner = manage(bank.data_dir, "dumpdata", "-o", str(file), **policies)
    finally:
        bank.manage("prepare")

    assert_one_sentence(done, "row-level security", "ledger_web")
    assert by_owner.returncode == 0, by_owner.stderr
    assert any(row["model"] == "accounts.account" for row in rows(file))


def test_books_that_are_not_clean_are_not_loaded(
    fixture: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    folder, forged = new_folder(), tmp_path / "forged.json"
    found = rows(fixture)
    account = next(row for row in found if row["model"] == "accounts.account")
    account["fields"]["balance"] = "1000000.0000"
    forged.write_text(json.dumps(found))
    assert manage(folder, "migrate").returncode == 0

    done = manage(folder, "loaddata", str(forged))

    assert_one_sentence(done, "Nothing was loaded", "not clean")
    assert users(folder) == "0"
    triggers = "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'"
    assert query(EmbeddedServer(folder), triggers) == "0"


def test_the_whole_bank_by_its_apps_is_loaded_without_what_no_row_needs(
    bank: OwnBank, new_folder: NewFolder, tmp_path: Path
) -> None:
    folder, file = new_folder(), tmp_path / "bank.json"
    every_app = sorted({label.partition(".")[0] for label in in_order()}, reverse=True)
    without = [word for label in OPTIONAL for word in ("--exclude", label)]
    bank.manage("dumpdata", *every_app, *without, "-o", str(file))
    assert not {row["model"] for row in rows(file)} & set(OPTIONAL)
    assert manage(folder, "migrate").returncode == 0

    done = manage(folder, "loaddata", str(file))

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("app", ["contenttypes", "accounts"])
def test_a_fixture_that_is_not_of_a_whole_bank_is_not_loaded(
    app: str, fixture: Path, new_folder: NewFolder, tmp_path: Path
) -> None:
    """By its rows or, as with accounts before currencies, by a foreign key."""
    folder, part = new_folder(), tmp_path / "part.json"
    of_app = [row for row in rows(fixture) if row["model"].startswith(f"{app}.")]
    part.write_text(json.dumps(sorted(of_app, key=lambda row: str(row["model"]))))
    assert manage(folder, "migrate").returncode == 0
    server = EmbeddedServer(folder)
    before = query(server, "SELECT count(*) FROM currencies")

    done = manage(folder, "loaddata", str(part))

    assert_one_sentence(done, "Nothing was loaded", "whole bank")
    assert query(server, "SELECT count(*) FROM currencies") == before != "0"


# dumpdata, and a payment between the tables `accounts` and `transactions`.
PAYS_MEANWHILE = """
import threading
from django.core.management import call_command
from django.db import connection
from accounts.models import Account
from ledger.backups import exact_json
from transactions import services

paid, end_object = [], exact_json.Serializer.end_object

def pay(account):
    services.deposit(to_account=account, amount=5, description="Paid during the dump")
    connection.close()

def end_and_pay(serializer, row):
    end_object(serializer, row)
    if isinstance(row, Account) and not paid:
        paid.append(row)
        another = threading.Thread(target=pay, args=[row.pk])
        another.start()
        another.join()

exact_json.Serializer.end_object = end_and_pay
call_command("dumpdata", output={file!r}, verbosity=0)
"""


def test_what_is_dumped_while_people_pay_can_be_loaded(
    bank: OwnBank, new_folder: NewFolder, tmp_path: Path
) -> None:
    folder, file = new_folder(), tmp_path / "bank.json"
    paid = "SELECT count(*) FROM transactions WHERE description = 'Paid during the dump'"
    bank.manage("shell", "-v", "0", "-c", PAYS_MEANWHILE.format(file=str(file)))
    assert query(EmbeddedServer(bank.data_dir), paid) == "1"
    assert manage(folder, "migrate").returncode == 0

    done = manage(folder, "loaddata", str(file))

    assert done.returncode == 0, done.stderr
    assert query(EmbeddedServer(folder), paid) == "0", "it came later"


# A sign-up that is not committed until its caller says so.
SIGNS_UP = """
from django.db import transaction
from accounts.models import User

with transaction.atomic():
    User.objects.create_user("new@example.com", name="New")
    print("signed up", flush=True)
    input()
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def test_who_signs_up_while_a_fixture_waits_for_its_locks_stays(
    fixture: Path, new_folder: NewFolder
) -> None:
    folder = new_folder()
    assert manage(folder, "migrate").returncode == 0
    server = EmbeddedServer(folder)

    def begin(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*MANAGE, *arguments], env=environment(folder), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    signing = begin("shell", "-v", "0", "-c", SIGNS_UP)
    assert signing.stdout
    assert signing.stdout.readline() == "signed up\n"
    loading = begin("loaddata", str(fixture))
    wait_until(lambda: query(server, WAITING) == "1")  # it has seen an empty bank
    signing.communicate("\n", timeout=LONG)
    _, refusal = loading.communicate(timeout=LONG)

    assert (signing.returncode, loading.returncode) == (0, 1)
    assert "Nothing was loaded" in refusal
    assert query(server, "SELECT string_agg(email, ',') FROM users") == "new@example.com"


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("flush --no-input", "Nothing was deleted"),
        ("migrate accounts zero -v0", "Nothing was changed"),
        ("migrate transactions zero -v0", "Nothing was changed"),
        ("createdb", "nothing was changed"),
        ("loaddata {fixture}", "Nothing was loaded"),
    ],
)
def test_nothing_empties_a_bank_and_what_does_is_named(
    command: str, refusal: str, bank: OwnBank, tmp_path: Path
) -> None:
    before = users(bank.data_dir)
    fixture = tmp_path / "groups.json"
    fixture.write_text('[{"model": "auth.group", "pk": 1, "fields": {"name": "any"}}]')

    ended = manage(bank.data_dir, *command.format(fixture=fixture).split())
    assert_one_sentence(ended, refusal, "manage.py stop_db", str(bank.data_dir))
    assert users(bank.data_dir) == before
