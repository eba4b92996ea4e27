"""A list of fifty rows takes as many queries as a list of one."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from tests.api.calls import ACCOUNTS, TRANSACTIONS, bearer
from tests.factories import AccountFactory
from transactions.services import Draft, post_batch

pytestmark = pytest.mark.django_db
LISTS = {
    ACCOUNTS: (2, 2),
    TRANSACTIONS: (3, 3),
    f"{TRANSACTIONS}?expand=from_account,to_account,entries": (3, 3),
    f"{TRANSACTIONS}?account=": (3, 3),
    "entries": (3, 3),
    f"{ACCOUNTS}?fields=id": (2, 2),
    "/api/v1/search/?q=lunch&sort=newest": (5, 5),
}


def add(mine: Account, count: int) -> None:
    """Accounts of one person, and a payment out of `mine` to as many strangers."""
    drafts = [
        Draft(
            from_account=mine, to_account=AccountFactory(), amount=Decimal(1), description="Lunch"
        )
        for _ in range(count)
    ]
    post_batch(drafts)
    for _ in range(count):
        AccountFactory(user=mine.user)


@pytest.mark.parametrize(("path", "queries"), LISTS.items())
def test_a_list_takes_as_many_queries_with_fifty_rows_as_with_one(
    mine: Account, path: str, queries: tuple[int, int], django_assert_num_queries: Any
) -> None:
    header, client = bearer(mine.user, "read"), Client()
    address = f"{ACCOUNTS}{mine.pk}/entries/" if path == "entries" else path
    if path.endswith("account="):
        address += str(mine.pk)
    add(mine, 1)
    client.get(address, headers=header)
    for more, usual in zip((0, 49), queries, strict=True):
        add(mine, more)
        with django_assert_num_queries(usual):
            answer = client.get(address, headers=header)
        assert answer.status_code == 200
        assert len(answer.json()["results"]) >= min(25, 1 + more)
