"""Exports and erases a person's categories, budgets and rules."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from transactions.annotations.models import OwnCategory
from transactions.categories.models import Budget, CategoryRule
from transactions.privacy.personal_data import DataSection, PersonalData, Row, read, register


def _own_categories(person: User) -> Iterable[Row]:
    given = OwnCategory.objects.of(person).order_by("created_at", "pk")
    return read(given, "transaction_id", "category", "created_at")


def _budgets(person: User) -> Iterable[Row]:
    budgets = Budget.objects.owned_by(person).order_by("category", "currency")
    return read(budgets, "category", "amount", "currency", "created_at")


def _category_rules(person: User) -> Iterable[Row]:
    rules = CategoryRule.objects.owned_by(person).in_order()
    return read(rules, "name", "query", "category", "created_at")


def _rows(person: User) -> Iterator[QuerySet[Any]]:
    yield OwnCategory.objects.filter(owner=person)
    yield Budget.objects.filter(owner=person)
    yield CategoryRule.objects.filter(owner=person)


register(
    PersonalData(
        sections=(
            DataSection("own_categories", ("transaction", "category", "given"), _own_categories),
            DataSection("budgets", ("category", "amount", "currency", "made"), _budgets),
            DataSection("category_rules", ("name", "search", "category", "made"), _category_rules),
        ),
        rows=_rows,
    )
)
