"""Recipes of JSONB, each held against the documents as plain Python reads them."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import pytest
from django.db import DatabaseError

from cookbook.practice.role import as_cookbook_role
from cookbook.recipes import BY_SLUG
from tests.cookbook.conftest import Cook
from transactions.models import Transaction

INDEX = "Bitmap Index Scan on transactions_metadata"


@pytest.fixture
def documents(rows: Any) -> list[dict[str, Any]]:
    """Every metadata of the practice bank, with what is beside it."""
    names = ("metadata", "value_date", "description", "amount", "currency", "type", "created_at")
    return [
        dict(zip(names, (json.loads(row[0]), *row[1:]), strict=True))
        for row in rows(
            "SELECT metadata, value_date, description, amount, currency, type, created_at"
            " FROM transactions"
        )
    ]


def largest_first(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda row: (-row["amount"], row["created_at"]))


def merchant_of(row: dict[str, Any]) -> dict[str, str]:
    merchant: dict[str, str] = row["metadata"].get("merchant", {})
    return merchant


def test_a_key_is_compared_as_a_number(cook: Cook, documents: Any) -> None:
    most = sorted(
        (
            (row["metadata"]["covers"], row["amount"])
            for row in documents
            if row["metadata"].get("covers", 0) >= 70
        ),
        reverse=True,
    )
    ran = cook("busiest-days-by-key")
    assert [(row["covers"], row["amount"]) for row in ran.value] == most[:8]
    assert len(most) > 8
    assert "-> 'covers') >= '70'::jsonb" in ran.work.queries[0].sql
    single_digits = cook("busiest-days-by-key", at_least=9).value
    assert single_digits[0]["covers"] == most[0][0]


@pytest.mark.django_db
def test_a_number_kept_as_a_string_is_never_above_a_number(documents: Any) -> None:
    assert any(row["metadata"].get("rate") == "2.40" for row in documents)
    with as_cookbook_role(writes=False):
        assert not Transaction.objects.filter(metadata__rate__gt=0).exists()


def test_a_nested_key(cook: Cook, documents: Any) -> None:
    there = largest_first([row for row in documents if merchant_of(row).get("country") == "PT"])
    ran = cook("card-payments-in-country-by-nested-key")
    assert [(row["description"], row["amount"]) for row in ran.value] == [
        (row["description"], row["amount"]) for row in there[:5]
    ]
    assert ran.value[0]["description"] == "Hotel Aurora"
    assert """#> '{merchant,country}') = '"PT"'::jsonb""" in ran.work.queries[0].sql
    with as_cookbook_role(writes=False):
        assert not Transaction.objects.filter(metadata__merchnt__country="PT").exists()


def test_text_to_group_by(cook: Cook, documents: Any) -> None:
    cities = Counter(
        merchant_of(row).get("city")
        for row in documents
        if row["metadata"].get("channel") == "card" and row["type"] == "withdrawal"
    )
    ran = cook("payments-by-city", most=4)
    assert [(row["city"], row["payments"]) for row in ran.value] == cities.most_common(4)
    assert "#>> '{merchant,city}'" in ran.work.queries[0].sql


def test_containment_uses_the_index(cook: Cook, documents: Any) -> None:
    paid = largest_first(
        [
            row
            for row in documents
            if merchant_of(row).get("name") == "Book Nook" and row["metadata"]["channel"] == "card"
        ]
    )
    ran = cook("payments-to-merchant-contains")
    assert [row["amount"] for row in ran.value] == [row["amount"] for row in paid[:8]]
    assert len(paid) == 16
    assert INDEX in ran.work.queries[0].plan


def test_the_index_used_and_not_used(cook: Cook, documents: Any) -> None:
    times = sum(merchant_of(row).get("name") == "Gaivota Air" for row in documents)
    ran = cook("same-rows-with-and-without-gin")
    assert ran.value == {"by its key": times, "by containment": times}
    assert times == 2
    by_key, contained = ran.work.queries
    assert "Seq Scan on transactions" in by_key.plan
    assert INDEX in contained.plan
    assert "Seq Scan" not in contained.plan


def test_contained_by(cook: Cook, documents: Any) -> None:
    plain = {"channel": "transfer", "category": "savings"}
    ran = cook("plain-savings-contained-by")
    assert ran.value == {
        "contains": sum(plain.items() <= row["metadata"].items() for row in documents),
        "contained_by": sum(row["metadata"].items() <= plain.items() for row in documents),
    }
    assert ran.value["contains"] > ran.value["contained_by"] > 0
    assert "<@" in ran.work.queries[1].sql
    assert "Seq Scan" in ran.work.queries[1].plan


def test_keys_there_or_not(cook: Cook, documents: Any) -> None:
    keys = [set(row["metadata"]) for row in documents]
    ran = cook("rows-with-keys")
    assert ran.value == {
        "has_key exchange": sum("exchange" in names for names in keys),
        "has_keys atm, card": sum({"atm", "card"} <= names for names in keys),
        "has_any_keys rate, exchange": sum(bool({"rate", "exchange"} & names) for names in keys),
        "has_key mcc, in merchant": sum("mcc" in merchant_of(row) for row in documents),
        "has_key mcc, at the top": 0,
    }
    assert ran.value["has_key exchange"] == 4
    for operator, query in zip((" ? ", " ?& ", " ?| "), ran.work.queries[:3], strict=True):
        assert operator in query.sql
        assert "Seq Scan" in query.plan


def test_jsonpath(cook: Cook, documents: Any) -> None:
    full = largest_first([row for row in documents if row["metadata"].get("covers", 0) >= 73])
    ran = cook("rows-by-jsonpath")
    assert [row["amount"] for row in ran.value] == [row["amount"] for row in full[:8]]
    assert len(full) == 7
    assert "Seq Scan" in ran.work.queries[0].plan


def test_a_jsonpath_with_an_equality_uses_the_index(cook: Cook) -> None:
    ran = cook("rows-by-jsonpath", path='$.merchant.name ? (@ == "Book Nook")')
    assert {row["description"] for row in ran.value} == {"Book Nook", "Refund: Book Nook"}
    assert INDEX in ran.work.queries[0].plan


def test_each_jsonpath_of_the_choice_finds_rows(cook: Cook) -> None:
    paths = get_args(get_type_hints(BY_SLUG["rows-by-jsonpath"].function)["path"])
    assert all(cook("rows-by-jsonpath", path=path).value for path in paths)


def test_documents_made_of_columns(cook: Cook, rows: Any) -> None:
    largest = rows(
        "SELECT amount, metadata, name FROM transactions"
        " JOIN (SELECT a.id, u.name FROM accounts a JOIN users u ON u.id = user_id) AS side"
        " ON side.id = from_account_id"
        " WHERE currency = 'USD' AND type = 'withdrawal' AND metadata @> '{\"channel\": \"card\"}'"
        " ORDER BY amount DESC, created_at LIMIT 3"
    )
    ran = cook("payments-as-documents")
    assert ran.value == [
        {
            "paid": {"amount": str(amount), "currency": "USD"},
            "merchant": json.loads(metadata)["merchant"]["name"],
            "by": name,
        }
        for amount, metadata, name in largest
    ]
    assert Decimal(ran.value[0]["paid"]["amount"]) > 400


def test_a_document_changed_in_place(cook: Cook, rows: Any) -> None:
    ran = cook("gold-card-in-place", colour="green")
    assert ran.value == {
        "before": {"colour": "plain", "card": {"gold": False}},
        "after jsonb_set": {"colour": "plain", "card": {"gold": True}},
        "after ||": {"colour": "green", "card": {"gold": True}},
    }
    assert [query.sql.split()[0] for query in ran.work.queries if "UPDATE" in query.sql] == [
        "UPDATE"
    ] * 2
    ((design,),) = rows("SELECT design FROM vouchers WHERE code = 'GIFT-00042'")
    assert json.loads(design) == ran.value["before"]


@pytest.mark.django_db
def test_the_metadata_of_what_is_posted_is_final(rows: Any) -> None:
    assert rows("SELECT 1")
    with pytest.raises(DatabaseError), as_cookbook_role(writes=True):
        Transaction.objects.filter(metadata__has_key="exchange").update(metadata={})
