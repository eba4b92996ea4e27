"""Payments with a limit by day follow one another in the turn of their person, and wait for it
before they lock an account: whoever pays the same recipients does not wait with them.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from banking.payment_files.booking import book_whole
from banking.payment_files.confirming import limit_unconfirmed
from ledger.db.ids import uuid7
from tests.api.calls import TRANSACTIONS, bearer, body, post
from tests.attacks.waiting import after_waiting_for
from tests.banking.payment_files.files import checked, pay
from tests.factories import AccountFactory, balances
from transactions import services
from transactions.exceptions import LimitExceeded
from transactions.posting import engine
from transactions.posting.drafts import prepare
from transactions.posting.turns import wait_for_turns
from transactions.safeguards import confirmation
from transactions.safeguards.confirmation import ConfirmationNeeded
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT, AMOUNT = Decimal(100), Decimal(60)
Sides = tuple[Account, Account]
Way = Callable[[Account, Account], Callable[[], object]]


def draft_of(mine: Account, theirs: Account) -> Draft:
    return Draft(
        id=uuid7(), from_account=mine, to_account=theirs, amount=AMOUNT, created_by=mine.user
    )


def on_the_page(mine: Account, theirs: Account) -> Callable[[], object]:
    """As the transfer form does."""
    draft = draft_of(mine, theirs)
    return lambda: confirmation.book(draft, mine.user, covered_until=None)


def in_steps(book: Callable[[], object]) -> object:
    """As where the one statement cannot post it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transactions.posting.single_statement.suits", lambda _item: False)
        return book()


def step_by_step(mine: Account, theirs: Account) -> Callable[[], object]:
    book = on_the_page(mine, theirs)
    return lambda: in_steps(book)


def by_token(mine: Account, theirs: Account) -> Callable[[], object]:
    header = bearer(mine.user, "pay", per_day=LIMIT, currency="USD")
    payment = body(mine, theirs, amount=str(AMOUNT))
    return lambda: post(Client(), TRANSACTIONS, payment, Idempotency_Key="one", **header)


def all_or_none(mine: Account, theirs: Account) -> Callable[[], object]:
    header = bearer(mine.user, "pay", per_day=LIMIT, currency="USD")
    lines = {"transactions": [body(mine, theirs, amount=str(AMOUNT))], "atomic": True}
    return lambda: post(Client(), f"{TRANSACTIONS}batch/", lines, Idempotency_Key="one", **header)


def by_file(mine: Account, theirs: Account) -> Callable[[], object]:
    file = checked(mine, pay(theirs, AMOUNT))
    within = limit_unconfirmed(file, mine.user, covered_until=None)
    return lambda: book_whole(file, by=mine.user, within=within)


WAYS = [on_the_page, step_by_step, by_token, all_or_none, by_file]


@pytest.fixture(autouse=True)
def limit_of_100(settings: Any) -> None:
    settings.LEDGER_STEP_UP_OVER = {"*": LIMIT}


@pytest.fixture
def sides() -> Sides:
    """An account, and one that its owner has paid before."""
    mine, theirs = AccountFactory(balance="1000"), AccountFactory()
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1), created_by=mine.user)
    return mine, theirs


def accounts_are_free() -> None:
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT FROM accounts FOR NO KEY UPDATE NOWAIT")


@pytest.mark.parametrize("way", WAYS)
def test_it_waits_for_the_turn_while_no_account_is_locked(sides: Sides, way: Way) -> None:
    book = way(*sides)
    after_waiting_for(lambda: wait_for_turns([sides[0].user_id]), book, meanwhile=accounts_are_free)
    assert balances(*sides) == [939, 61]


@pytest.fixture
def sum_that_waits() -> Iterator[int]:
    """The function waits for an advisory lock of this number where it would sum up in the turn."""
    number = 4711
    named = "paid_to_others(uuid, text, timestamptz, boolean)"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_get_functiondef('{named}'::regprocedure)")
        (before,) = cursor.fetchone()
        waiting = before.replace("own :=", f"PERFORM pg_advisory_xact_lock({number}); own :=")
        assert waiting != before
        cursor.execute(waiting)
        yield number
        cursor.execute(before)


@pytest.mark.parametrize("way", WAYS)
def test_what_was_paid_is_summed_up_while_no_account_is_locked(
    sides: Sides, way: Way, sum_that_waits: int
) -> None:
    """Of 100,000 payments a day it takes a third of a second."""
    book = way(*sides)

    def hold_up_the_sum() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [sum_that_waits])

    after_waiting_for(hold_up_the_sum, book, meanwhile=accounts_are_free)
    assert balances(*sides) == [939, 61]


@pytest.mark.parametrize("way", WAYS)
def test_it_does_not_wait_for_the_row_of_the_payer(sides: Sides, way: Way) -> None:
    """Who leaves or adds a webhook locks that row, and their accounts after it."""
    book = way(*sides)
    with psycopg.connect(**connection.get_connection_params()) as leaving:
        leaving.execute("SELECT FROM users FOR NO KEY UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '500ms'")
        book()
        with connection.cursor() as cursor:  # behind pgbouncer a request ends its connection
            cursor.execute("RESET lock_timeout")
        leaving.execute("SELECT FROM accounts ORDER BY id FOR NO KEY UPDATE NOWAIT")
    assert balances(*sides) == [939, 61]


@pytest.mark.parametrize("way", [on_the_page, step_by_step])
def test_it_counts_what_was_booked_while_it_waited(sides: Sides, way: Way) -> None:
    """Out of another account and to another recipient, so that no lock of an account helps."""
    other = AccountFactory(balance="1000", user=sides[0].user), AccountFactory()

    def first() -> None:
        wait_for_turns([sides[0].user_id])
        engine.post_one(prepare(draft_of(*other)))

    assert isinstance(after_waiting_for(first, way(*sides)), ConfirmationNeeded)
    assert balances(*sides, *other) == [999, 1, 940, 60]


def test_a_sum_alone_waits_for_the_turn_too(sides: Sides) -> None:
    """As in payments of the code before the turn, which lock accounts first."""

    def first() -> None:
        wait_for_turns([sides[0].user_id])
        engine.post_one(prepare(draft_of(*sides)))

    def second() -> Decimal:
        return confirmation.limit_today(sides[0].user_id, "USD", None).paid_before()

    assert after_waiting_for(first, second) == AMOUNT + 1


def test_a_daily_limit_is_summed_up_before_the_lock_and_counts_what_was_booked_meanwhile(
    sides: Sides,
) -> None:
    payer = AccountFactory(balance="1000", daily_limit=LIMIT)
    services.withdraw(from_account=payer, amount=Decimal(20))
    queries = list[str]()

    def first() -> None:
        engine.post_one(prepare(Draft(from_account=payer, to_account=sides[1], amount=AMOUNT)))

    def second() -> object:
        with CaptureQueriesContext(connection) as captured:
            try:
                in_steps(lambda: services.withdraw(from_account=payer, amount=Decimal(21)))
            finally:
                queries[:] = [query["sql"] for query in captured]
        return None

    assert isinstance(after_waiting_for(first, second), LimitExceeded)
    lock = next(place for place, sql in enumerate(queries) if "FOR NO KEY UPDATE" in sql)
    sums = [place for place, sql in enumerate(queries) if "SUM(" in sql]
    assert [place < lock for place in sums] == [True, False]
    assert '"created_at" > ' in queries[sums[1]]
    assert balances(payer) == [1000 - 20 - 60]
    services.withdraw(from_account=payer, amount=Decimal(20))
