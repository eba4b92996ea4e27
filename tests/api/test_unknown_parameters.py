"""A call refuses a parameter that it does not know: a misspelt filter lets every row through. And
one that stands twice, of which only the last would count.
"""

import json
import re
import uuid
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Account
from api.pages import SCHEMA
from api.paging import EXAMPLE
from tests.factories import UserFactory
from transactions import services

pytestmark = pytest.mark.django_db
CALLS = [
    (path, verb)
    for path, verbs in json.loads(SCHEMA.read_text())["paths"].items()
    for verb in verbs
    if verb in ("get", "post", "put", "patch", "delete")
]


@pytest.fixture
def clerk() -> Client:
    """Somebody of staff with every permission."""
    person = UserFactory(is_staff=True)
    person.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.parametrize(
    ("query", "named"), [("misspelt=1", b"misspelt"), ("fields=id&fields=id", b"fields")]
)
def test_each_call_refuses_a_parameter_that_it_does_not_know_or_that_stands_twice(
    ana: Client, clerk: Client, mine: Account, query: str, named: bytes
) -> None:
    hold = services.hold(from_account=mine, amount=Decimal(5))
    paid = mine.received.get()
    takes = set()
    for path, verb in CALLS:
        row = {"capture": hold, "refund": paid}.get(path.split("/")[-2], mine)
        url = path.replace("{id}", str(row.pk)).replace("{slug}", "running-total")
        for client in (ana, clerk):
            answer = getattr(client, verb)(
                f"{re.sub('{.*?}', '1', url)}?{query}", data={},
                content_type="application/json", headers={"Idempotency-Key": str(uuid.uuid4())},
            )  # fmt: skip
            if answer.status_code in (400, 422) and named in b"".join(answer):
                break
        else:
            takes.add((verb, path))
    assert takes == set()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("search=rent", "/api/v1/search/"),
        ("ordering=-amount", "/api/v1/search/"),
        ("page=2", "next"),
        ("page_size=10", "limit is"),
        ("offset=50", "next"),
        ("status=pending", "/api/v1/search/?q=is:pending"),
        ("created_at__gte=2026-01-01", "/api/v1/search/?q="),
    ],
)
@pytest.mark.parametrize("path", ["transactions", "standing-orders", "payment-files"])
def test_a_parameter_of_other_apis_gets_what_does_the_same(
    ana: Client, path: str, query: str, named: str
) -> None:
    answer = ana.get(f"/api/v1/{path}/?{query}")
    assert (answer.status_code, named in answer.json()["detail"]) == (400, True)


def test_a_list_without_pages_names_none(ana: Client) -> None:
    assert "limit" not in ana.get("/api/v1/accounts/?page=2").json()["detail"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("search=rent", "q="),
        ("ordering=-amount", "sort="),
        ("limit=5", "next"),
        ("offset=50", "next"),
        ("status=pending", "q=is:pending"),
        ("created_at__gte=2026-01-01", "date:>2026-01"),
    ],
)
def test_the_search_names_its_own(ana: Client, mine: Account, query: str, named: str) -> None:
    answer = ana.get(f"/api/v1/search/?{query}")
    assert (answer.status_code, named in answer.json()["detail"]) == (400, True)


def test_the_example_of_filters_is_understood(ana: Client, mine: Account) -> None:
    found = ana.get(f"/api/v1/search/?{EXAMPLE}").json()
    assert (found["mistakes"], found["count"]) == ([], 0)
    assert ana.get("/api/v1/search/?q=").json()["count"] > 0
