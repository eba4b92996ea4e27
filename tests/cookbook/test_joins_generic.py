"""Recipes of a relation to any model, and of a list from a subquery."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from tests.cookbook.conftest import Cook


def test_a_prefetch_sends_one_query_for_each_model(cook: Cook) -> None:
    ran = cook("remarks-by-generic-foreign-key")
    assert ran.value["kinds"] == ["Account", "Account", "Transaction"]
    assert (ran.value["the same"], ran.value["of one account"]) == (True, 1)
    assert "cannot be used for reverse querying" in ran.value["filter"]
    sent = {section.title: len(section.queries) for section in ran.sections}
    assert (sent["One query per row"], sent["prefetch_related"]) == (4, 3)
    assert sent["GenericPrefetch"] == 3
    assert all(ran.value["names"])
    few = [query.sql for query in ran.sections[-2].queries]
    assert not [sql for sql in few if '"balance"' in sql]


@pytest.mark.usefixtures("practice_bank")
@pytest.mark.django_db
def test_content_types_have_the_same_ids_in_both_banks() -> None:
    """Django keeps them in one cache for each process."""
    with connection.cursor() as cursor:
        found = []
        for schema in ("public", "practice"):
            cursor.execute(f"SELECT id, app_label, model FROM {schema}.django_content_type")
            found.append(set(cursor.fetchall()))
    assert found[0] == found[1]


def test_the_real_bank_reads_its_own_content_types_after_a_recipe(cook: Cook) -> None:
    ContentType.objects.clear_cache()
    cook("remarks-by-generic-foreign-key")
    account = ContentType.objects.get_by_natural_key("accounts", "account")
    assert ContentType.objects.filter(pk=account.pk, app_label="accounts", model="account").exists()


def test_a_list_has_the_newest_rows_of_each_row(cook: Cook, rows: Any) -> None:
    ran = cook("newest-payments-by-array-subquery")
    assert len(ran.work.queries) == 2
    assert {row["name"]: row["newest"] for row in ran.value} == dict(
        rows(
            "SELECT accounts.name, ARRAY(SELECT description FROM transactions"
            " WHERE from_account_id = accounts.id ORDER BY created_at DESC LIMIT 3)"
            " FROM accounts JOIN users ON users.id = user_id WHERE email = 'ana@example.com'"
        )
    )
