"""Booking a file: all of it or nothing, or what can be booked; never a line twice."""

import os
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Account
from accounts.services import freeze_account
from banking.payment_files import booking, drafts
from banking.payment_files.booking import (
    LinesRefused,
    NotChecked,
    book_rest,
    book_step,
    book_whole,
)
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.preview import check
from tests.banking.payment_files.files import checked, fates, pay, stored
from tests.factories import AccountFactory, balances
from tests.pages import lacks
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import TooManyTogether
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)
State = PaymentFile.State


@pytest.fixture(autouse=True)
def _two_lines_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "PART", 2)


def transfers() -> int:
    return int(Transaction.objects.filter(type="transfer").count())


def test_a_line_becomes_the_transaction_of_its_own_id(everyday: Account, mara: Account) -> None:
    file = book_whole(checked(everyday, pay(mara, "9.50", "Rent for November")))
    line = PaymentLine.objects.get(file=file)
    row = Transaction.objects.get(pk=line.pk)
    assert (row.from_account, row.to_account, row.amount) == (everyday, mara, Decimal("9.50"))
    assert (row.description, row.reference) == ("Rent for November", "R-1")
    assert row.created_by == everyday.user
    assert line.booked


def test_all_or_nothing_books_every_line(everyday: Account, mara: Account, jo: Account) -> None:
    file = book_whole(checked(everyday, *[pay(mara, 1), pay(jo, 2)] * 3))
    assert fates(file) == ["booked"] * 6
    assert (file.state, file.booked_count, file.booked_total) == (State.DONE, 6, 9)
    assert file.finished_at is not None
    assert balances(everyday, mara, jo) == [991, 3, 6]
    assert audit().clean


def test_all_or_nothing_books_nothing_where_the_check_refused_a_line(
    everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1), "12,5", pay(mara, 2))
    with pytest.raises(LinesRefused, match=r"Line 3: .* 12 digits"):
        book_whole(file)
    assert (transfers(), fates(file)[0]) == (0, "waiting")


def test_all_or_nothing_books_nothing_where_a_later_part_is_refused(
    everyday: Account, mara: Account
) -> None:
    file = checked(everyday, *[pay(mara, 300)] * 3)
    services.withdraw(from_account=everyday, amount=Decimal(200))
    with pytest.raises(LinesRefused, match=r"Line 4: .* 200\.00 available"):
        book_whole(file)
    file.refresh_from_db()
    assert (transfers(), file.state, file.booked_count) == (0, State.CHECKED, 0)
    assert fates(file) == ["waiting"] * 3
    assert balances(everyday, mara) == [800, 0]


def test_files_lock_few_accounts_together(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is paid cannot pay until the last line is booked."""
    monkeypatch.undo()
    most = services.MAX_TOGETHER
    file = checked(everyday, *[pay(mara, "0.01")] * (most + 1))
    with pytest.raises(TooManyTogether):
        book_whole(file)
    assert transfers() == 0
    assert book_step(file).booked_count <= most
    assert book_whole(checked(everyday, *[pay(mara, "0.01")] * most)).booked_count == most


def test_what_can_be_booked_leaves_out_what_the_check_refused(
    everyday: Account, mara: Account, jo: Account
) -> None:
    """Even if it could be paid by now: the person has seen it refused."""
    file = checked(everyday, pay(mara, 600), pay(jo, 500), "12,5", pay(jo, 400))
    services.deposit(to_account=everyday, amount=Decimal(500))
    file = book_rest(file)
    assert [fate == "booked" for fate in fates(file)] == [True, False, False, True]
    assert (file.state, file.booked_count, file.refused_count) == (State.DONE, 2, 2)
    assert (file.booked_total, file.refused_total) == (1000, 505)
    assert balances(everyday, mara, jo) == [500, 600, 400]


def test_a_line_refused_since_the_check_says_why_and_the_rest_goes_on(
    everyday: Account, mara: Account, jo: Account
) -> None:
    file = checked(everyday, pay(mara, 600), pay(jo, 300), pay(mara, 100))
    services.withdraw(from_account=everyday, amount=Decimal(200))
    file = book_rest(file)
    first, refusal, last = fates(file)
    assert (first, last) == ("booked", "booked")
    assert not lacks(refusal, "200.00 available", "300.00", "by 100.00")


def test_a_step_books_the_next_lines_and_says_how_far_it_is(
    everyday: Account, mara: Account
) -> None:
    file = checked(everyday, *[pay(mara, n) for n in (1, 2, 3, 4, 5)])
    seen = []
    while file.state != State.DONE:
        file = book_step(file)
        seen.append((file.state, file.decided_count, transfers()))
    assert seen == [(State.PAYING, 2, 2), (State.PAYING, 4, 4), (State.DONE, 5, 5)]


def test_what_was_refused_can_be_checked_and_booked_afterwards(
    everyday: Account, mara: Account
) -> None:
    file = book_rest(checked(everyday, pay(mara, 900), pay(mara, 500), "12,5"))
    services.deposit(to_account=everyday, amount=Decimal(500))
    file = check(file)
    assert (file.state, file.waiting_count) == (State.CHECKED, 1)
    file = book_rest(file)
    assert fates(file)[:2] == ["booked", "booked"]
    assert (file.state, transfers()) == (State.DONE, 2)
    again = check(file)
    assert (again.state, again.refused_count) == (State.DONE, 1)
    assert again.finished_at == file.finished_at


@pytest.mark.parametrize("book", [book_step, book_rest, book_whole])
def test_a_file_that_is_done_is_never_booked_again(
    everyday: Account, mara: Account, book: object
) -> None:
    file = book_rest(checked(everyday, pay(mara, 1), pay(mara, 2)))
    finished = file.finished_at
    for _ in range(2):
        file = book(file)  # type: ignore[operator]
    assert (transfers(), file.state, file.finished_at) == (2, State.DONE, finished)


@pytest.mark.parametrize("book", [book_step, book_rest, book_whole])
def test_nothing_is_booked_that_nobody_has_checked(
    everyday: Account, mara: Account, book: object
) -> None:
    with pytest.raises(NotChecked):
        book(stored(everyday, pay(mara, 1)))  # type: ignore[operator]
    assert transfers() == 0


def test_an_account_frozen_between_two_steps_refuses_the_rest(
    everyday: Account, mara: Account
) -> None:
    file = book_step(checked(everyday, *[pay(mara, 1)] * 4))
    freeze_account(account=everyday, reason="Lost card", changed_by=None)
    file = book_rest(file)
    frozen = "Everyday is frozen. It can receive money, but cannot send money."
    assert fates(file) == ["booked", "booked", frozen, frozen]


@pytest.mark.parametrize("book", [book_rest, book_whole])
def test_pressed_in_four_tabs_at_once_it_is_paid_once(
    everyday: Account, mara: Account, jo: Account, book: object
) -> None:
    file = checked(everyday, *[pay(mara, 1), pay(jo, 2)] * 5)
    barrier, states = threading.Barrier(4, timeout=60), []

    def press() -> None:
        barrier.wait()
        states.append(book(file).state)  # type: ignore[operator]
        connection.close()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [State.DONE] * 4
    assert transfers() == 10
    assert balances(everyday, mara, jo) == [985, 5, 10]


def test_two_files_that_pay_each_other_do_not_deadlock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Part by part each would lock the other's accounts in another order; and no retry helps."""
    monkeypatch.setattr("ledger.db.retry.TRIES", 1)
    people = [AccountFactory(balance="1000") for _ in range(6)]
    files = [
        checked(sender, *[pay(other, 1) for other in order if other != sender] * 4)
        for sender, order in ((people[0], people), (people[5], people[::-1]))
    ]
    barrier, done = threading.Barrier(2, timeout=60), []

    def book(file: PaymentFile) -> None:
        barrier.wait()
        done.append(book_whole(file).state)
        connection.close()

    threads = [threading.Thread(target=book, args=[file]) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [State.DONE, State.DONE]
    assert audit().clean


KILLED = """
import os, signal, sys
import django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from banking.payment_files.models import PaymentFile
from banking.payment_files import booking
from banking.payment_files import drafts as drafting

drafting.PART = 2
where = sys.argv[3]
write, calls = booking.write_results, []

def write_then_die(file, drafts, results):
    write(file, drafts, results)
    calls.append(1)
    if where == "before commit" and len(calls) == (1 if sys.argv[4] == "whole" else 2):
        os.kill(os.getpid(), signal.SIGKILL)

booking.write_results = write_then_die
file = PaymentFile.objects.get(pk=sys.argv[2])
if sys.argv[4] == "whole":
    booking.book_whole(file)
else:
    booking.book_step(file)
    booking.book_step(file)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("how", "where", "lines_booked"),
    [
        ("steps", "before commit", 2),
        ("steps", "after commit", 4),
        ("whole", "before commit", 0),
        ("whole", "after commit", 5),
    ],
)
def test_killed_at_any_moment_lines_and_books_say_the_same_and_it_goes_on(
    everyday: Account, mara: Account, how: str, where: str, lines_booked: int
) -> None:
    file = checked(everyday, *[pay(mara, n) for n in (1, 2, 3, 4, 5)])
    name = connection.settings_dict["NAME"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, name, str(file.pk), where, how],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        check=False,
    )
    assert killed.returncode == -9
    assert fates(file).count("booked") == transfers() == lines_booked
    booked = PaymentLine.objects.of(file).filter(booked=True).values_list("pk", flat=True)
    assert Transaction.objects.filter(pk__in=booked).count() == lines_booked
    file.refresh_from_db()
    assert file.booked_count == lines_booked
    file = booking.book_rest(file)
    assert (transfers(), file.state) == (5, State.DONE)
    assert balances(everyday, mara) == [985, 15]
    assert audit().clean
