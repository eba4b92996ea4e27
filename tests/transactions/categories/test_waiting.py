"""Slow searches for categories lock nothing for which other work of the person waits, and give
nothing to somebody who leaves or is erased at that moment.
"""

from collections.abc import Callable
from decimal import Decimal

import psycopg
import pytest
from django.db import connection

from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.attacks.waiting import after_waiting_for
from tests.factories import AccountFactory
from transactions import services
from transactions.annotations.models import OwnCategory
from transactions.categories.models import CategoryRule
from transactions.categories.new_payments import apply_rules
from transactions.categories.rules import apply_to_past, save_rule
from transactions.categories.services import give_category
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)

SLOW: dict[str, Callable[[CategoryRule], int]] = {
    "rule of the past": lambda rule: apply_to_past(rule=rule),
    "rules of new payments": lambda _: apply_rules(),
    "chosen": lambda rule: give_category(
        owner=rule.owner, rows=Transaction.objects.all(), category="food", change=uuid7()
    ),
}


@pytest.fixture
def rule() -> CategoryRule:
    """A rule that finds one payment, which is newer."""
    account: Account = AccountFactory(balance="10")
    rule = save_rule(owner=account.user, name="Lunch", query="lunch", category="food")
    services.withdraw(from_account=account, amount=Decimal(1), description="Lunch")
    return rule


@pytest.mark.parametrize("what", SLOW)
def test_the_person_is_free_while_it_searches(rule: CategoryRule, what: str) -> None:
    def no_search_ends() -> None:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE transactions")

    def person_is_free() -> None:
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("SELECT FROM users FOR NO KEY UPDATE NOWAIT")

    result = after_waiting_for(no_search_ends, lambda: SLOW[what](rule), meanwhile=person_is_free)
    assert result == OwnCategory.objects.count() > 0


@pytest.mark.parametrize("what", SLOW)
def test_one_change_of_categories_waits_for_the_other(rule: CategoryRule, what: str) -> None:
    def first() -> None:
        with connection.cursor() as cursor:
            name = f"categories of {rule.owner_id}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])

    assert after_waiting_for(first, lambda: SLOW[what](rule)) > 0


def test_rules_of_somebody_who_is_erased_meanwhile_give_nothing(rule: CategoryRule) -> None:
    def erase() -> None:
        User.objects.select_for_update().get(pk=rule.owner_id)
        CategoryRule.objects.all().delete()

    assert after_waiting_for(erase, apply_rules) == 0
    assert not OwnCategory.objects.exists()
