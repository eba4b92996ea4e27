"""Booking times strictly rise within an account, and history keeps its own."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from tests.factories import AccountFactory, walls_down
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.services import Draft

pytestmark = pytest.mark.django_db


def test_value_date_is_the_booking_day_unless_said() -> None:
    row = services.deposit(to_account=AccountFactory(), amount=Decimal(1))
    assert row.value_date == timezone.localdate(row.created_at)


def test_booking_times_strictly_rise_within_an_account() -> None:
    account = AccountFactory()
    ahead = timezone.now() + timedelta(seconds=30)
    with walls_down("accounts") as cursor:
        cursor.execute("UPDATE accounts SET last_entry_at = %s WHERE id = %s", [ahead, account.pk])
    first = services.deposit(to_account=account, amount=Decimal(1))
    second = services.deposit(to_account=account, amount=Decimal(1))
    assert first.created_at == ahead + timedelta(microseconds=1)
    assert second.created_at == ahead + timedelta(microseconds=2)


def test_a_payment_in_one_statement_is_booked_by_the_clock_of_the_database() -> None:
    account = AccountFactory()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (before,) = cursor.fetchone()
        row = services.deposit(to_account=account, amount=Decimal(1))
        cursor.execute("SELECT clock_timestamp(), created_at, value_date FROM transactions")
        after, booked, day = cursor.fetchone()
    assert before < booked < after
    assert (row.created_at, row.value_date) == (booked, day)
    assert day == timezone.localdate(booked)


@pytest.mark.usefixtures("step_by_step")
def test_two_bookings_at_one_tick_of_the_clock_do_not_tie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, now = AccountFactory(), timezone.now()
    monkeypatch.setattr("transactions.posting.locked_accounts.now", lambda: now)
    first = services.deposit(to_account=account, amount=Decimal(1))
    second = services.deposit(to_account=account, amount=Decimal(1))
    assert (first.created_at, second.created_at) == (now, now + timedelta(microseconds=1))


def test_history_keeps_its_time_unless_the_account_is_further() -> None:
    account = AccountFactory()
    past = datetime(1993, 1, 1, tzinfo=UTC)
    drafts = [
        Draft(to_account=account, amount=Decimal(1), created_at=past),
        Draft(to_account=account, amount=Decimal(1), created_at=past - timedelta(days=1)),
    ]
    first, second = services.post_batch(drafts)
    assert first.created_at == past  # type: ignore[union-attr]
    assert second.created_at == past + timedelta(microseconds=1)  # type: ignore[union-attr]
    assert second.value_date == date(1993, 1, 1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "moment",
    [datetime(1993, 1, 1), datetime(2999, 1, 1, tzinfo=UTC)],  # noqa: DTZ001
)
def test_a_booking_time_has_a_zone_and_is_not_in_the_future(moment: datetime) -> None:
    with pytest.raises(InvalidDetails):
        services.post_batch(
            [Draft(to_account=AccountFactory(), amount=Decimal(1), created_at=moment)]
        )
