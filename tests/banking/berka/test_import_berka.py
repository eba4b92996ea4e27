"""`import_berka` on small banks made by hand: words, order, twice, interrupted, compared.

Refusals are in `test_import_berka_refusals`, the whole bank in `test_import_berka_data`.
"""

import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction as db_transaction

from accounts.models import Account, User
from accounts.numbers import clean_account_number
from banking.berka import booking
from banking.berka.identity import id_of, number_of
from tests.banking.berka.berka_files import (
    HISTORY,
    OUT,
    account,
    counts,
    run_import,
    trans,
    write_bank,
)
from tests.pages import lacks
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Entry, Transaction
from transactions.posting import insert

pytestmark = pytest.mark.django_db
AGREE = "All 2 accounts agree with the bank's own closing balance."


def books() -> list[Any]:
    """All that an import leaves behind."""
    users = User.objects.order_by("pk").values_list("pk", "email", "name", "created_at")
    accounts = Account.objects.order_by("pk").values()
    transactions = Transaction.objects.order_by("pk").values()
    return [*users, *accounts, *transactions]


def test_owners_become_users_and_accounts_are_open_in_czk(tmp_path: Path) -> None:
    code, out, err = run_import(write_bank(tmp_path, HISTORY))
    assert (code, err) == (0, [])
    assert out[0].startswith("Opened 2 accounts for 1 ")
    assert counts(out) == (6, 0, 0)
    assert out[1:] == [AGREE]
    owner = User.objects.get()
    assert (owner.email, owner.name) == ("client-1@berka.example", "Client 1")
    assert not owner.has_usable_password()
    assert {a.currency for a in owner.accounts.all()} == {"CZK"}
    assert clean_account_number(account(10).number).startswith("0000000010")
    assert str(account(20).created_at.date()) == "1993-02-02"
    assert (account(10).balance, account(20).balance) == (Decimal("501.50"), 400)
    assert audit().clean


def test_codes_become_plain_english(tmp_path: Path) -> None:
    run_import(write_bank(tmp_path, HISTORY))
    paid = Transaction.objects.get(reference="berka 6")
    assert not lacks(paid.description, "Household payment", "bank YZ, account 871")
    assert paid.metadata == {
        "category": "household",
        "channel": "remittance",
        "partner_bank": "YZ",
        "partner_account": "871",
        "source": {"bank": "berka", "trans_id": 6, "account_id": 20},
    }
    assert (str(paid.value_date), str(paid.created_at.date())) == ("1993-02-11", "1993-02-11")
    interest = Transaction.objects.get(reference="berka 4")
    assert (interest.description, interest.type) == ("Interest credited", "deposit")
    assert interest.metadata["channel"] == "bank"
    assert "partner_account" not in interest.metadata


def test_within_a_day_credits_are_booked_before_debits(tmp_path: Path) -> None:
    history = [
        trans(1, 10, "930101", "600.00", "-600.00", OUT),
        trans(3, 10, "930101", "500.00", "100.00"),
        trans(2, 10, "930101", "200.00", "-400.00"),
    ]
    assert run_import(write_bank(tmp_path, history))[0] == 0
    entries = Entry.objects.for_account(account(10)).order_by("created_at")
    assert [entry.reference for entry in entries] == ["berka 2", "berka 3", "berka 1"]
    assert account(10).overdraft_limit == 0


def test_an_account_whose_history_goes_below_zero_gets_an_overdraft(tmp_path: Path) -> None:
    history = [
        trans(1, 10, "930101", "100.00", "100.00"),
        trans(2, 10, "930102", "1300.00", "-1200.00", OUT),
        trans(3, 10, "930103", "5000.00", "3800.00"),
    ]
    assert run_import(write_bank(tmp_path, history))[0] == 0
    assert (account(10).overdraft_limit, account(20).overdraft_limit) == (2000, 0)
    more = [*history, trans(4, 10, "930104", "9000.00", "-5200.00", OUT)]
    assert run_import(write_bank(tmp_path, more))[0] == 0
    assert (account(10).overdraft_limit, account(10).balance) == (6000, -5200)


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    repeated = [*HISTORY, HISTORY[0]]
    assert run_import(write_bank(tmp_path, repeated))[0] == 0
    first = books()
    code, out, _ = run_import(tmp_path)
    assert code == 0
    assert counts(out) == (0, 7, 0)
    assert books() == first


def test_what_people_moved_since_is_not_compared(tmp_path: Path) -> None:
    run_import(write_bank(tmp_path, HISTORY))
    services.transfer(from_account=account(10), to_account=account(20), amount=Decimal(300))
    code, out, _ = run_import(tmp_path)
    assert (code, out[1:]) == (0, [AGREE])


def failing(call: int, error: BaseException, work: Any, after: bool) -> Any:
    """`work`, but its n-th call fails, before or after it has done its work."""
    calls: Iterator[int] = itertools.count(1)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        last = next(calls) == call
        if last and not after:
            raise error
        result = work(*args, **kwargs)
        if last:
            raise error
        return result

    return wrapped


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("place", ["before a step", "within a step", "opening"])
def test_interrupted_and_run_again_it_ends_as_if_it_never_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int, place: str
) -> None:
    debt = trans(7, 20, "930212", "3000.00", "-2600.00", OUT)
    write_bank(tmp_path, [*HISTORY, debt])
    monkeypatch.setattr(booking, "CHUNK", 2)
    savepoint = db_transaction.savepoint()
    run_import(tmp_path)
    uninterrupted = books()
    db_transaction.savepoint_rollback(savepoint)
    target, name, after = {
        "before a step": (booking, "post_batch", False),
        "within a step": (insert, "write", True),
        "opening": (booking, "raise_overdraft_limits", False),
    }[place]
    with monkeypatch.context() as patch:
        call = 1 if place == "opening" else call
        patch.setattr(
            target, name, failing(call, KeyboardInterrupt(), getattr(target, name), after)
        )
        code, _, err = run_import(tmp_path)
    done = 0 if place == "opening" else 2 * (call - 1)
    (stopped,) = err
    assert code == 130
    assert stopped.startswith(f"Stopped after {done} rows;")
    assert Transaction.objects.count() == done
    assert run_import(tmp_path)[0] == 0
    assert books() == uninterrupted
    assert audit().clean


def test_books_that_disagree_with_the_bank_are_shown_with_both_figures(tmp_path: Path) -> None:
    wrong = [*HISTORY[:5], HISTORY[5].replace("400.00", "1399.81")]
    code, out, _ = run_import(write_bank(tmp_path, wrong))
    assert code == 0
    figures = "the books have 400.00 CZK, the bank 1,399.81 CZK"
    differs, agree = out[1:]
    assert differs == f"account 20 ({number_of(20)}) on 1993-02-11: {figures}"
    assert agree.startswith("1 of 2 accounts")


@pytest.mark.parametrize(("bank_says", "agrees"), [("400.18", True), ("400.19", False)])
def test_the_tolerance_is_six_hundredths_a_row(
    tmp_path: Path, bank_says: str, agrees: bool
) -> None:
    off = [*HISTORY[:5], HISTORY[5].replace("400.00", bank_says)]
    assert (run_import(write_bank(tmp_path, off))[1][-1] == AGREE) == agrees


@pytest.mark.parametrize(
    "day",
    [
        [trans(7, 20, "930212", "60.00", "460.00"), trans(8, 20, "930212", "60.00", "400.00", OUT)],
        [trans(8, 20, "930212", "60.00", "400.00", OUT), trans(7, 20, "930212", "60.00", "460.00")],
    ],
)
def test_the_closing_balance_does_not_depend_on_the_order_within_a_day(
    tmp_path: Path, day: list[str]
) -> None:
    assert run_import(write_bank(tmp_path, [*HISTORY, *day]))[1][1:] == [AGREE]


def test_a_refused_last_row_still_counts_in_the_banks_balance(tmp_path: Path) -> None:
    unknown = trans(7, 20, "930212", "60.00", "460.00", ("PRIJEM", "WHAT", ""))
    differs = run_import(write_bank(tmp_path, [*HISTORY, unknown]))[1][1]
    assert not lacks(differs, "books have 400.00 CZK", "bank 460.00 CZK")


def test_a_repaired_row_is_added_and_the_books_agree(tmp_path: Path) -> None:
    broken = [HISTORY[0].replace("VKLAD", "WHAT"), *HISTORY[1:]]
    assert run_import(write_bank(tmp_path, broken))[0] == 1
    code, out, _ = run_import(write_bank(tmp_path, HISTORY))
    assert (code, out[1:]) == (0, [AGREE])
    assert "Imported 1 transactions, skipped 5" in out[0]
    assert str(Transaction.objects.get(pk=id_of("trans", 1)).value_date) == "1993-01-01"
    assert audit().clean


def test_where_the_bank_has_no_account_there_is_nothing_to_agree(tmp_path: Path) -> None:
    empty: list[str] = []
    _, out, _ = run_import(write_bank(tmp_path, [], account=empty, disp=empty))
    assert len(out) == 1
