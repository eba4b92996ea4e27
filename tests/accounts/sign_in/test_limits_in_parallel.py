"""Counters of attempts that several requests change at the same time."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import AttemptCount
from accounts.sign_in import limits
from tests.attacks.waiting import after_waiting_for

pytestmark = pytest.mark.django_db(transaction=True)
REQUEST = RequestFactory().post("/")
OF = "sign_in ana@example.com"

DELETIONS: dict[str, Callable[[], None]] = {
    "those of who has proved the address": lambda: limits.forget(
        REQUEST, door="sign_in", account="ana@example.com"
    ),
    "old ones": limits._tidy_up,
}


@pytest.mark.parametrize("deletion", DELETIONS)
def test_a_deletion_locks_counters_in_the_order_in_which_attempts_do(deletion: str) -> None:
    """Otherwise each waits for the other, and Postgres ends a sign-in with an error."""
    counts = (limits.ACCOUNT, limits.PERSON_A_DAY)
    first, last = sorted(limits.key_of(limit, OF) for limit in counts)
    old = timezone.now() - 2 * limits.TIDY_AFTER
    for number, key in enumerate((last, first)):  # in the table and in the index of times
        ends = old + timedelta(seconds=number)
        AttemptCount.objects.create(key=key, count=1, window_ends=ends)

    def count() -> None:
        with psycopg.connect(**connection.get_connection_params()) as attempt:
            attempt.execute("SELECT FROM attempt_counts WHERE key = %s FOR UPDATE NOWAIT", [last])

    after_waiting_for(
        lambda: AttemptCount.objects.select_for_update().get(pk=first),
        DELETIONS[deletion],
        meanwhile=count,
    )
    assert not AttemptCount.objects.exists()
