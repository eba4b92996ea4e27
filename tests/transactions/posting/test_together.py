"""Drafts that are booked together are booked once, whatever becomes of the COMMIT, and few of them
at a time; a preview of many books and locks nothing.
"""

from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from django.db import connection

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.attacks.waiting import after_waiting_for
from tests.factories import AccountFactory, balances
from tests.transactions.posting.shared import lose_next_answer
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import InvalidDetails, TooManyTogether
from transactions.models import Transaction
from transactions.posting.turns import wait_for_turns
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100")
    return account


def test_a_lost_commit_books_them_once(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = Draft(id=uuid7(), from_account=account, amount=30)
    lost = lose_next_answer(monkeypatch)
    services.post_together(lambda: [draft], lambda _part, _results: None)
    assert lost
    assert balances(account) == [70]
    assert audit().clean


def test_a_draft_without_an_id_is_refused_and_nothing_is_booked(account: Account) -> None:
    good, without = (
        Draft(id=uuid7(), from_account=account, amount=1),
        Draft(from_account=account, amount=30),
    )
    recorded = list[object]()
    with pytest.raises(InvalidDetails, match="needs an id that is made"):
        services.post_together(
            lambda: [good, without], lambda _part, results: recorded.append(results)
        )
    assert not recorded
    assert balances(account) == [100]


def test_too_many_together_are_refused_and_nothing_is_booked(account: Account) -> None:
    """Each of them locks an account, perhaps of somebody else, until the last one is booked."""
    drafts = [
        Draft(id=uuid7(), from_account=account, amount="0.01")
        for _ in range(services.MAX_TOGETHER + 1)
    ]
    with pytest.raises(TooManyTogether):
        services.post_together(lambda: drafts, lambda _part, _results: None)
    assert balances(account) == [100]
    services.post_together(lambda: drafts[1:], lambda _part, _results: None)
    assert balances(account) == [90]


def test_a_preview_needs_no_ids(account: Account) -> None:
    seen = list[object]()
    parts = [[Draft(from_account=account, amount=30)]]
    services.preview_parts(lambda: parts, lambda _part, results: seen.extend(results))
    assert [type(result) for result in seen] == [Transaction]
    assert balances(account) == [100]


def test_a_preview_takes_from_each_sender_what_earlier_drafts_leave(account: Account) -> None:
    other = AccountFactory(balance="20")
    seen = list[object]()
    parts = [
        [Draft(from_account=account, to_account=other, amount=80)],
        [Draft(from_account=other, amount=20), Draft(from_account=account, amount=30)],
        [Draft(from_account=account, amount=20), Draft(from_account=other, amount=1)],
    ]
    services.preview_parts(lambda: parts, lambda _part, results: seen.extend(results))
    assert [isinstance(result, Transaction) for result in seen] == [True, True, False, True, False]
    assert balances(account, other) == [100, 20]


def test_a_preview_shows_what_was_booked_before(account: Account) -> None:
    draft = Draft(id=uuid7(), from_account=account, amount=30)
    services.post_batch([draft])
    seen = list[object]()
    services.withdraw(from_account=account, amount=Decimal(70))
    services.preview_parts(lambda: [[draft]], lambda _part, results: seen.extend(results))
    assert [row.pk for row in seen if isinstance(row, Transaction)] == [draft.id]


def test_who_books_many_waits_for_the_own_booking_and_locks_nobody_before(
    account: Account,
) -> None:
    """In front of the accounts, bookings of one person would wait for each other, and all others
    for all of them.
    """
    paid = AccountFactory()
    draft = Draft(
        id=uuid7(), from_account=account, to_account=paid, amount=1, created_by=account.user
    )
    done = list[object]()

    def first() -> None:
        wait_for_turns([account.user_id])

    def second() -> None:
        services.post_together(lambda: [draft], lambda _part, results: done.extend(results))

    def is_free() -> None:
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("SELECT id FROM accounts FOR NO KEY UPDATE NOWAIT")

    after_waiting_for(first, second, meanwhile=is_free)
    assert [type(row) for row in done] == [Transaction]


def test_who_books_many_does_not_wait_for_the_row_of_the_person(account: Account) -> None:
    """Slow work of the person may hold that row."""
    draft = Draft(id=uuid7(), from_account=account, amount=30, created_by=account.user)
    with psycopg.connect(**connection.get_connection_params()) as work:
        work.execute("SELECT id FROM users FOR NO KEY UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
            services.post_together(lambda: [draft], lambda _part, _results: None)
            cursor.execute("RESET lock_timeout")
    assert balances(account) == [70]


def test_much_metadata_is_not_booked_together(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.posting.batches.METADATA_TOGETHER", 100)
    drafts = [
        Draft(id=uuid7(), from_account=account, amount=30, metadata={"a": "x" * 60})
        for _ in range(2)
    ]
    with pytest.raises(TooManyTogether):
        services.post_together(lambda: drafts, lambda _part, _results: None)
    assert balances(account) == [100]
    services.post_together(lambda: drafts[:1], lambda _part, _results: None)
    assert balances(account) == [70]


class Watched(dict[str, str]):
    """Metadata that asks whether an account is locked while it is read."""

    def __iter__(self) -> Iterator[str]:
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("SELECT id FROM accounts FOR NO KEY UPDATE NOWAIT")
        return super().__iter__()


def test_metadata_is_read_before_an_account_is_locked(account: Account) -> None:
    draft = Draft(id=uuid7(), from_account=account, amount=30, metadata=Watched(a="b"))
    services.post_together(lambda: [draft], lambda _part, _results: None)
    assert balances(account) == [70]
