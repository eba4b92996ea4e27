"""The error message for a request is short, however many errors the request has."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.groups import OPERATIONS
from accounts.models import Account
from api.fields import NAMED, StrictSerializer
from api.pages import SCHEMA
from api.transactions.batch_views import BatchSerializer
from ledger.db.ids import uuid7
from tests.accounts.tokens import issue
from tests.banking.payment_files.files import checked, pay
from tests.banking.standing_orders.orders import order_of
from tests.conftest import colleague
from tests.factories import AccountFactory
from transactions import services
from transactions.payees.services import save_payee

pytestmark = pytest.mark.django_db
MOST_BYTES = 64 * 1024
LONG, MANY = "a" * 150_000, 15_000
WRONG: dict[str, Any] = {
    "a long text": LONG, "many numbers": [1] * MANY, "many texts": ["a b"] * MANY,
    "many objects": [{}] * MANY, "an object": {f"n{n}": n for n in range(MANY)},
}  # fmt: skip


def writes() -> Iterator[tuple[str, str, list[str]]]:
    """Yields the method, the path and the fields of each API call with a JSON body."""
    schema = json.loads(SCHEMA.read_text())
    for path, calls in schema["paths"].items():
        for method, call in calls.items():
            body = call.get("requestBody", {}).get("content", {}).get("application/json")
            if body:
                name = body["schema"]["$ref"].rsplit("/", 1)[1]
                yield method, path, list(schema["components"]["schemas"][name]["properties"])


def row_of(path: str, mine: Account) -> Any:
    """Returns a row of the kind that the path names, which the address changes."""
    theirs: Account = AccountFactory()
    if path.startswith("/api/v1/payees/"):
        return save_payee(owner=mine.user, account=theirs, name="Landlord")
    if path.startswith("/api/v1/payment-files/"):
        return checked(mine, pay(theirs, 1))
    if path.startswith("/api/v1/standing-orders/"):
        return order_of(mine, theirs)
    return services.withdraw(from_account=mine, amount=Decimal(1), created_by=mine.user)


@pytest.mark.parametrize(("method", "path", "fields"), [*writes()])
def test_an_answer_to_a_body_full_of_mistakes_is_short(
    client: Client, method: str, path: str, fields: list[str]
) -> None:
    clerk = colleague(OPERATIONS, "Clerk")
    mine: Account = AccountFactory(user=clerk, balance="9")
    token = issue(clerk, "read", "pay", "staff").text
    address = path.replace("{id}", str(row_of(path, mine).pk))
    bodies: list[Any] = [{f"name {n}": 1 for n in range(MANY)}, {LONG: 1}, [{}] * MANY, LONG]
    bodies += [dict.fromkeys(fields, wrong) for wrong in WRONG.values()]
    for body in bodies:
        answer = client.generic(
            method, address, json.dumps(body), content_type="application/json",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid7())},
        )  # fmt: skip
        assert answer.status_code in (400, 422), (path, answer.content[:500])
        assert len(answer.content) < MOST_BYTES, (path, str(body)[:60])


def test_an_error_names_few_of_many_unknown_names() -> None:
    serializer = BatchSerializer(data={f"name {n}": 1 for n in range(MANY)})
    assert not serializer.is_valid()
    assert len(serializer.errors) == NAMED + 1
    assert f"{MANY - NAMED:,}" in str(serializer.errors[""])


def test_every_list_and_text_of_a_body_has_a_limit() -> None:
    """The limit must be checked before any other use of the value."""
    without = [
        f"{kind.__name__}.{name}"
        for kind in _below(StrictSerializer)
        for name, field in kind().fields.items()
        if hasattr(field, "max_length") and field.max_length is None
    ]
    assert without == ["BatchSerializer.transactions"], "whose lines are counted before"


def _below(kind: type[StrictSerializer]) -> Iterator[type[StrictSerializer]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
