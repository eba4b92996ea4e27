"""A viewset of an added app, registered by REST framework's router: it has the usual scopes."""

import pytest
from django.test import Client

from accounts.models import Account
from tests.api.calls import bearer, post, slug

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.own_viewset_urls")]
ADDRESSES = ("quick/", "quick/questions/")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_session_and_a_token_read_it(client: Client, mine: Account, address: str) -> None:
    reads, pays = bearer(mine.user, "read"), bearer(mine.user, "pay")
    assert client.get(f"/api/{address}", headers=reads).status_code == 200
    refused = client.get(f"/api/{address}", headers=pays)
    assert (refused.status_code, slug(refused)) == (403, "not-allowed")
    client.force_login(mine.user)
    assert client.get(f"/{address}").status_code == 200


def test_what_writes_needs_the_scope_pay(client: Client, mine: Account) -> None:
    url = "/api/quick/questions/"
    assert post(client, url, {}, **bearer(mine.user, "read")).status_code == 403
    assert post(client, url, {}, **bearer(mine.user, "pay")).status_code == 200


def test_a_token_outside_of_the_api_is_refused_with_the_place_where_it_counts(
    client: Client, mine: Account
) -> None:
    answer = client.get("/quick/questions/", headers=bearer(mine.user, "read"))
    assert (answer.status_code, slug(answer)) == (401, "not-signed-in")
    assert "/api/" in answer.json()["detail"]
