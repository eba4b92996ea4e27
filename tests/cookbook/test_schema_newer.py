"""Recipes that need a newer Django or Postgres: they run where they can, and say why where not."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import django
import pytest
from django.db import connection

from cookbook.recipes import BY_SLUG
from tests.cookbook.conftest import Cook


@pytest.fixture
def where_it_can(cook: Cook) -> Cook:
    """Runs a recipe, or skips the rest of the test where the recipe itself says what it needs."""

    def where_it_can(slug: str, **values: Any) -> Any:
        recipe = BY_SLUG[slug]
        if recipe.missing:
            old_django = recipe.django > django.VERSION[:2]
            old_postgres = recipe.postgres > connection.pg_version  # type: ignore[attr-defined]
            assert old_django or old_postgres
            pytest.skip(recipe.missing)
        return cook(slug, **values)

    return where_it_can


@pytest.mark.parametrize(
    ("slug", "needs"),
    [
        ("merchants-by-json-table", 170000),
        ("vouchers-by-merge", 170000),
        ("spent-old-and-new", 180000),
        ("ids-by-uuidv7", 180000),
    ],
)
@pytest.mark.django_db
def test_what_is_missing_is_said(slug: str, needs: int) -> None:
    is_old = connection.pg_version < needs  # type: ignore[attr-defined]
    assert BY_SLUG[slug].missing == (f"needs Postgres {needs // 10_000}" if is_old else "")


@pytest.mark.django_db
def test_what_needs_a_newer_django_says_so() -> None:
    is_old = django.VERSION < (6, 0)
    assert BY_SLUG["merchants-by-any-value"].missing == ("needs Django 6.0" if is_old else "")


def test_json_array(where_it_can: Cook, rows: Any) -> None:
    limits = rows(
        "SELECT name, currency, transfer_limit, daily_limit FROM accounts"
        " WHERE transfer_limit IS NOT NULL OR daily_limit IS NOT NULL ORDER BY name"
    )
    found = where_it_can("accounts-as-json-arrays").value
    assert [(row["name"], *row["limits"]) for row in found] == limits
    assert any(None in row["limits"] for row in found)


def test_any_value(where_it_can: Cook, rows: Any) -> None:
    payments: Counter[str] = Counter()
    cities: dict[str, set[str]] = {}
    categories: dict[str, set[str]] = {}
    for metadata, category in rows("SELECT metadata, category FROM transactions"):
        merchant = json.loads(metadata).get("merchant", {})
        if "city" in merchant:
            payments[merchant["name"]] += 1
            cities.setdefault(merchant["name"], set()).add(merchant["city"])
            categories.setdefault(merchant["name"], set()).add(category)
    found = list(where_it_can("merchants-by-any-value").value)
    assert [row["payments"] for row in found] == [n for _, n in payments.most_common(6)]
    for row in found:
        assert row["city"] in cities[row["merchant"]]
        assert set(row["used_for"].split(", ")) == categories[row["merchant"]]


def test_json_table(where_it_can: Cook, rows: Any) -> None:
    paid: Counter[tuple[str, str, int, str]] = Counter()
    for metadata, currency, amount in rows("SELECT metadata, currency, amount FROM transactions"):
        merchant = json.loads(metadata).get("merchant", {})
        if merchant.get("country") == "PT":
            kind = int(merchant["mcc"])
            paid[merchant["name"], merchant["city"], kind, currency] += amount
    found = where_it_can("merchants-by-json-table").value
    assert [tuple(row.values()) for row in found] == [
        (*merchant, total) for merchant, total in paid.most_common(6)
    ]
    assert found[0]["kind"] == 7011


def test_merge(where_it_can: Cook, rows: Any) -> None:
    before = rows("SELECT code, worth FROM vouchers ORDER BY id")
    found = where_it_can("vouchers-by-merge").value
    assert found == [
        {"did": "UPDATE", "code": "GIFT-00001", "worth": Decimal(75)},
        {"did": "DELETE", "code": "GIFT-00002", "worth": Decimal(50)},
        {"did": "INSERT", "code": "GIFT-90000", "worth": Decimal(30)},
    ]
    assert rows("SELECT code, worth FROM vouchers ORDER BY id") == before


def test_old_and_new(where_it_can: Cook, rows: Any) -> None:
    ((worth, spent),) = rows("SELECT worth, spent FROM vouchers WHERE code = 'GIFT-00003'")
    found = where_it_can("spent-old-and-new", code="GIFT-00003", amount=Decimal(7)).value
    assert found == [
        {"code": "GIFT-00003", "before": spent, "after": spent + 7, "left": worth - spent - 7}
    ]


def test_uuidv7(where_it_can: Cook) -> None:
    found = where_it_can("ids-by-uuidv7").value
    assert found == {"how many": 5, "of version 7": True, "in order": True}
