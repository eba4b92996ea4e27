"""`manage.py audit_ledger`: a sentence or JSON, and an exit code."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.pages import lacks
from tests.transactions.audit.breaking import falsify
from transactions.management.commands.audit_ledger import moment
from transactions.models import Transaction

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
    with pytest.raises(CommandError, match="is no date or time"):
        moment(text)
