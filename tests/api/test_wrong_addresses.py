"""Addresses and formats that do not exist: the refusal names those that do."""

import pytest
from django.test import Client

from accounts.models import Account
from tests.api.calls import ACCOUNTS, slug

pytestmark = pytest.mark.django_db


def test_a_request_that_cannot_be_read_is_a_problem(client: Client) -> None:
    answer = client.get("/api/v1/accounts/", headers={"host": "bad_\u00e9host/"})
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")


@pytest.mark.parametrize(
    ("address", "leads"),
    [
        ("/api/v1/transactions?limit=1", "/api/v1/transactions/?limit=1"),
        ("/api/v1/openapi.json/", "/api/v1/openapi.json"),
        ("/api/v1/events/", "/api/v1/events"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_address_with_or_without_its_last_slash_leads_to_the_other(
    client: Client, address: str, leads: str, method: str
) -> None:
    """With the same method and body: 301 would make a GET of a payment."""
    answer = getattr(client, method)(address)
    assert (answer.status_code, answer["Location"]) == (308, leads)


@pytest.mark.parametrize("address", ["/api/", "/api/v1", "/api/v1/"])
def test_the_root_of_the_api_leads_to_the_documentation(client: Client, address: str) -> None:
    assert client.get(address, follow=True).request["PATH_INFO"] == "/api/v1/docs/"
    assert client.post(address).status_code == 404


@pytest.mark.parametrize("address", ["/api/v1/users/", "/api/v1/users", "/api/v2/", "/api/v1//x/"])
def test_an_address_that_is_not_there_is_told(client: Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, slug(answer)) == (404, "not-found")


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("/api/v1/accounts/019bf2c0/transactions/", "/api/v1/accounts/<id>/entries/"),
        ("/api/v1/token/", "create_token"),
        ("/api/token", "create_token"),
        ("/api/auth/login/", "create_token"),
        ("/api-token-auth/", "create_token"),
        ("/api-token-auth", "create_token"),
        ("/api/v1/users/", "/api/v1/docs/"),
    ],
)
def test_an_address_of_another_api_names_what_is_here(
    client: Client, address: str, named: str
) -> None:
    for answer in (client.get(address), client.post(address, {"username": "ana"})):
        assert (answer.status_code, slug(answer)) == (404, "not-found")
        assert named in answer.json()["detail"]


@pytest.mark.parametrize("format", ["api", "xyz", "x" * 5000])
def test_an_unknown_format_is_refused_with_those_that_there_are(
    ana: Client, mine: Account, format: str
) -> None:
    lines = f"{ACCOUNTS}{mine.pk}/statement/"
    for url, there in ((ACCOUNTS, "json"), (lines, "pdf")):
        answer = ana.get(url, {"format": format})
        assert (answer.status_code, slug(answer)) == (400, "invalid-request")
        (error,) = answer.json()["errors"]
        assert error["field"] == "format"
        assert there in error["detail"]
        assert format not in error["detail"]
    assert ana.get(ACCOUNTS, {"format": "json"}).status_code == 200


def test_another_accept_is_refused_with_the_types_that_there_are(ana: Client) -> None:
    answer = ana.get(ACCOUNTS, headers={"Accept": "text/html"})
    assert (answer.status_code, slug(answer)) == (406, "not-acceptable")
    assert "application/json" in answer.json()["detail"]
