"""What the query of budgets counts and what it leaves out, a rule at a time."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.factories import AccountFactory
from transactions import services
from transactions.categories.budgets import BudgetLine, budget_lines, save_budget
from transactions.categories.services import give_category
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def everyday() -> Account:
    account: Account = AccountFactory(user__name="Ana Ferreira")
    services.book(
        services.Draft(
            to_account=account, amount=Decimal(900), created_at=datetime(2025, 1, 1, tzinfo=UTC)
        )
    )
    return account


def paid(account: Account, amount: int, day: date, category: str = "food") -> Transaction:
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return services.book(
        services.Draft(
            from_account=account, amount=Decimal(amount), created_at=moment,
            metadata={"category": category},
        )
    )  # fmt: skip


def food(owner: User, today: date, amount: int = 100) -> BudgetLine:
    save_budget(owner=owner, category="food", currency="USD", amount=Decimal(amount))
    (found,) = budget_lines(owner, today)
    return found


def call(owner: User, row: Transaction, category: str) -> None:
    rows = Transaction.objects.filter(pk=row.pk)
    assert give_category(owner=owner, rows=rows, category=category, change=uuid7()) == 1


def test_the_category_that_somebody_else_gave_does_not_count(everyday: Account) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    row = services.transfer(
        from_account=everyday, to_account=mara, amount=Decimal(30), metadata={"category": "fun"}
    )
    call(mara.user, row, "food")
    assert food(everyday.user, timezone.localdate()).spent == 0


def test_of_ones_own_categories_the_newest_counts(everyday: Account) -> None:
    row = paid(everyday, 30, date(2026, 3, 2), "fun")
    call(everyday.user, row, "food")
    call(everyday.user, row, "gifts")
    assert food(everyday.user, date(2026, 3, 10)).spent == 0


def test_the_day_on_which_it_is_gone_is_rounded_up(everyday: Account) -> None:
    paid(everyday, 30, date(2026, 3, 2))
    found = food(everyday.user, date(2026, 3, 7))
    assert found.gone_on == date(2026, 3, 24)  # 70 left last 16.3 days at 30 in 7


def test_what_is_used_up_to_the_last_cent_has_no_day(everyday: Account) -> None:
    paid(everyday, 100, date(2026, 3, 2))
    found = food(everyday.user, date(2026, 3, 7))
    assert (found.gone_on, found.over_since) == (None, None)
    assert found.forecast == "This budget is fully spent."


def test_income_and_holds_do_not_count(everyday: Account) -> None:
    facts: dict[str, Any] = {"amount": Decimal(30), "metadata": {"category": "food"}}
    services.deposit(to_account=everyday, **facts)
    services.hold(from_account=everyday, **facts)
    assert food(everyday.user, timezone.localdate()).spent == 0


def test_what_was_spent_last_month_makes_no_budget_over_this_month(everyday: Account) -> None:
    paid(everyday, 90, date(2026, 2, 27))
    paid(everyday, 20, date(2026, 3, 2))
    assert food(everyday.user, date(2026, 3, 10)).over_since is None


def test_the_usual_looks_six_months_back(everyday: Account) -> None:
    for month, amount in ((8, 600), (9, 60), (10, 6)):
        paid(everyday, amount, date(2025, month, 7))
    assert food(everyday.user, date(2026, 3, 10)).usual == Decimal(11)  # of September and October


def searched(client: Client, line: BudgetLine) -> tuple[Decimal, list[Transaction]]:
    """What the search behind a budget says went out, less what came in, and its rows."""
    result = client.get(line.url).context["page"].result
    (total,) = result.facets.totals
    assert result.facets.holds == 0
    return total.money_out - total.money_in, list(result.rows)


def test_the_search_has_the_payments_and_refunds_that_are_counted_and_no_hold(
    client: Client, everyday: Account
) -> None:
    shop, food_ = AccountFactory(), {"category": "food"}
    pot = AccountFactory(user=everyday.user, name="Pot")
    services.book(
        services.Draft(
            from_account=everyday, to_account=pot, amount=Decimal(5), metadata=food_
        )
    )  # fmt: skip
    held = services.hold(
        from_account=everyday, to_account=shop, amount=Decimal(100), metadata=food_
    )
    captured = services.capture(hold=held, amount=Decimal(70))
    services.hold(from_account=everyday, to_account=shop, amount=Decimal(9), metadata=food_)
    client.force_login(everyday.user)
    found = food(everyday.user, timezone.localdate())
    spent, rows = searched(client, found)
    assert (spent, rows) == (found.spent, [captured])
    assert " or " not in unquote_plus(found.url)

    bought = services.transfer(
        from_account=everyday, to_account=shop, amount=Decimal(30), metadata={"category": "fun"}
    )
    call(everyday.user, bought, "food")
    back = services.reverse(transaction=bought)
    (found,) = budget_lines(everyday.user)
    spent, rows = searched(client, found)
    assert spent == found.spent == 70
    assert {*rows} == {captured, bought, back}
