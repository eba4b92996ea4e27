"""`manage.py audit_ledger`: a sentence or JSON, and an exit code."""

import json
from io import StringIO
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ledger.backups import files
from ledger.db.history import signed_facts
from ledger.management.commands import restore
from ledger.text.money import NO_BREAK, account_number
from tests.pages import lacks
from tests.transactions.audit.breaking import falsify
from tests.transactions.audit.sealed_books import day, march
from transactions.audit.sealing import seal
from transactions.management.commands.audit_ledger import moment
from transactions.models import Transaction
from transactions.row_security import installation

pytestmark = pytest.mark.django_db


def test_the_command_says_so_and_exits_0_when_clean(books: Any) -> None:
    out = StringIO()
    call_command("audit_ledger", stdout=out)
    assert not lacks(out.getvalue(), "clean", "4 transactions", "3 accounts")


def test_the_command_exits_1_and_names_account_and_row(books: Any) -> None:
    row = Transaction.objects.get(type="transfer")
    falsify("UPDATE transactions SET amount = 31 WHERE id = %s", row.pk)
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("audit_ledger", stdout=out, stderr=err)
    assert stopped.value.code == 1
    assert f"transaction {row.pk}" in err.getvalue()
    assert not out.getvalue()


@pytest.mark.parametrize("command", ["audit_ledger", "seal_ledger --verify {}", "restore file"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_gets_no_number_of_an_account_and_no_amount(
    form: str, command: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOG_FORMAT = form
    _without_loading(monkeypatch)
    account, rows = march()
    kept = seal(until=day(3))
    assert kept is not None
    falsify("UPDATE transactions SET amount = 31 WHERE id = %s", rows[0].pk)
    printed = StringIO()
    with pytest.raises(SystemExit):
        call_command(*command.format(kept.hex_digest).split(), stderr=printed)
    number = account_number(account.number).replace(NO_BREAK, " ")
    assert (number in printed.getvalue()) is (form == "text")
    assert (str(rows[0].pk) in printed.getvalue()) or "seal" not in command


def _without_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets `manage.py restore` audit the bank that is there."""
    for name in ("short_connection", "call_command", "prepare"):
        monkeypatch.setattr(restore, name, MagicMock())
    for module, name in (
        (files, "load"),
        (files, "differences"),
        (installation, "force_reinstall"),
        (signed_facts, "problem_with"),
    ):
        monkeypatch.setattr(module, name, MagicMock(return_value=[]))


def test_the_command_prints_json(books: Any) -> None:
    out = StringIO()
    call_command("audit_ledger", json=True, stdout=out)
    assert json.loads(out.getvalue()) == {
        "clean": True,
        "accounts": 3,
        "transactions": 4,
        "since": None,
        "findings": [],
    }


def test_the_command_checks_since_a_day_and_says_so(books: Any) -> None:
    out = StringIO()
    call_command("audit_ledger", since="2026-01-02", stdout=out)
    assert not lacks(out.getvalue(), "clean", "since 2026-01-02 00:00 UTC", "3 accounts")
    out = StringIO()
    since = timezone.now().isoformat()
    call_command("audit_ledger", since=since, json=True, stdout=out)
    said = json.loads(out.getvalue())
    assert (said["since"], said["transactions"]) == (since, 0)
    out = StringIO()
    call_command("audit_ledger", since="2026-01-02T20:00:00+20:00", stdout=out)
    assert "since 2026-01-02 00:00 UTC" in out.getvalue()


def test_the_command_refuses_a_time_ahead_which_would_find_nothing_for_ever() -> None:
    with pytest.raises(CommandError, match="in the future"):
        call_command("audit_ledger", since="2999-01-01T08:00")


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "2026-02-30", "", "0001-01-01T00:00+01:00"]
)
def test_the_command_refuses_a_time_that_is_none(text: str) -> None:
    with pytest.raises(CommandError, match="is not a date or time"):
        moment(text)
