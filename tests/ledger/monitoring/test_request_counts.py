"""Requests are counted by the name of their route: labels are few, and tell of nobody."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from ledger.web.middleware import ObservationMiddleware
from tests.conftest import signed_in
from tests.factories import AccountFactory
from tests.metrics import TOKEN, figures_now, growth, scrape
from tests.reviews import send
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)
REQUESTS = "ledger_http_requests_total"  # method, route, status


def test_each_request_counts_once_by_route_method_and_class(client: Client) -> None:
    account = AccountFactory(balance="100")
    client.force_login(account.user)
    with growth() as grown:
        client.get(reverse("transactions:statement", args=[account.pk]))
        client.get(reverse("transactions:statement", args=[uuid4()]))
        client.head("/healthz")
        client.get("/readyz")
        client.post("/")
        client.get("/static/ledger.css").close()
        scrape(client)
    assert grown[REQUESTS] == {
        "GET transactions:statement 2xx": 1, "GET transactions:statement 4xx": 1,
        "HEAD healthz 2xx": 1, "GET readyz 2xx": 1, "POST home 4xx": 1, "GET static 2xx": 1,
        "GET metrics 4xx": 1,
    }  # fmt: skip
    seconds = grown["ledger_http_request_seconds_count"]
    assert seconds == {
        "transactions:statement": 2, "healthz": 1, "readyz": 1, "home": 1, "static": 1,
        "metrics": 1,
    }  # fmt: skip
    assert grown["ledger_http_requests_in_flight"] == {}


def test_invented_addresses_and_methods_make_one_series(client: Client) -> None:
    with growth() as grown:
        for number in range(5):
            client.get(f"/nowhere/{number}/{uuid4()}")
            client.generic(f"BREW{number}", "/nowhere/")
    assert grown[REQUESTS] == {"GET unknown 4xx": 5, "other unknown 4xx": 5}


def test_a_failure_outside_of_every_view_counts_as_one_of_the_server() -> None:
    def broken(_request: object) -> None:
        raise ZeroDivisionError

    with growth() as grown, pytest.raises(ZeroDivisionError):
        ObservationMiddleware(broken)(RequestFactory().get("/"))  # type: ignore[arg-type]
    assert grown[REQUESTS] == {"GET home 5xx": 1}
    assert grown["ledger_http_requests_in_flight"] == {}


def test_a_failure_of_the_server_begins_at_zero(client: Client) -> None:
    """So that the first one shows as an increase."""
    client.get("/healthz")
    labels = {("route", "healthz"), ("method", "GET"), ("status", "5xx")}
    assert figures_now()[REQUESTS, frozenset(labels)] == 0


def test_no_label_tells_of_a_person_an_account_or_an_amount(client: Client, clerk: User) -> None:
    account = AccountFactory(balance="73501.42", user__name="Ana Ferreira")
    other = AccountFactory()
    client.force_login(account.user)
    paid = services.transfer(
        from_account=account, to_account=other, amount=Decimal("61.37"), description="rent of May"
    )
    client.get(f"/transactions/{paid.pk}/")
    client.get("/search/?q=rent")
    signed_in(clerk).get(f"/admin/accounts/account/{account.pk}/change/")
    form = {"id": str(uuid4()), "from_account": str(account.pk), "number": other.number,
            "amount": "12.99", "description": "gift", "reference": ""}  # fmt: skip
    assert send(client, form).status_code == 302
    told = "\n".join(f"{name} {sorted(labels)}" for (name, labels) in figures_now())
    facts = [
        account.pk, account.number, account.user.pk, account.user.email, "Ana", "73501", "61.37",
        "12.99", "rent", paid.pk, TOKEN, "127.0.0.1",
    ]  # fmt: skip
    assert [fact for fact in facts if str(fact) in told] == []
