"""A list of 50,000 payments fits into one call, as docs/api.md says."""

import json
from contextlib import nullcontext
from typing import Any

import pytest
from django.test import Client
from rest_framework.exceptions import ParseError

from accounts.models import Account
from api import parsing
from api.transactions.batch import MAX_SEPARATE
from tests.api.calls import TRANSACTIONS, balance_of, bearer, body
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
BATCH = f"{TRANSACTIONS}batch/"


def send(person: Any, text: str, kind: str, **parameters: str) -> Any:
    headers = {"Idempotency-Key": "large", **bearer(person, "read", "pay")}
    return Client().post(BATCH, text, content_type=kind, headers=headers, query_params=parameters)


def test_a_batch_of_more_than_a_forms_size_is_booked(mine: Account, theirs: Account) -> None:
    line = body(mine, theirs, amount="0.01", description="x" * 400)
    lines = [line] * 6000
    text = json.dumps({"transactions": lines, "atomic": False})
    assert len(text) > 3_000_000
    answer = send(mine.user, text, "application/json")
    assert answer.status_code == 200
    *_results, last = answer.getvalue().splitlines()
    assert json.loads(last)["booked"] == len(lines)
    assert Transaction.objects.filter(type="transfer").count() == len(lines)
    assert balance_of(mine) == 940


def fifty_thousand(mine: Account, theirs: Account, *, more: int = 0) -> Any:
    line = json.dumps(body(mine, theirs, amount="0.01", description="Salary"))
    text = f"{line}\n" * (MAX_SEPARATE + more)
    return send(mine.user, text, "application/x-ndjson", atomic="false")


def test_fifty_thousand_payments_are_booked(mine: Account, theirs: Account) -> None:
    answer = fifty_thousand(mine, theirs)
    assert answer.status_code == 200
    *results, last = answer.getvalue().splitlines()
    assert (len(results), json.loads(last)["booked"]) == (50_000, 50_000)
    assert (balance_of(mine), balance_of(theirs)) == (500, 500)


def test_a_line_more_is_refused_with_the_limit(mine: Account, theirs: Account) -> None:
    answer = fifty_thousand(mine, theirs, more=1)
    assert (answer.status_code, "50,000" in answer.json()["detail"]) == (400, True)
    assert balance_of(mine) == 1000


@pytest.mark.parametrize("where", ["[{}]", '{{"transactions": [{}]}}', "{}"])
def test_an_object_of_json_has_up_to_a_thousand_names(where: str) -> None:
    for names in (1000, 1001):
        made = json.dumps({f"name {number}": number for number in range(names)})
        with nullcontext() if names == 1000 else pytest.raises(ParseError):
            parsing.loads(where.format(made))


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_VALUES_OF_BATCH"])
def test_a_body_that_would_fill_the_memory_is_refused(
    mine: Account, theirs: Account, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = body(mine, theirs, amount="0.01")
    text = json.dumps({"transactions": [line] * 10})
    sizes = {"MAX_BYTES": len(text), "MAX_VALUES_OF_BATCH": sum(map(text.count, ",[{"))}
    monkeypatch.setattr(parsing, limit, sizes[limit])
    assert send(mine.user, text, "application/json").status_code == 201
    longer = json.dumps({"transactions": [line] * 11})
    assert send(mine.user, longer, "application/json").status_code == 400
