"""Behind proxies: a request whose X-Forwarded-For the proxies cannot have written is refused."""

import logging

import pytest
from django.test import Client, override_settings

PAGES = ("/account/login/", "/account/signup/", "/account/password/reset/", "/static/favicon.svg")

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("forwarded", ["198.51.100.7", "nonsense, 10.0.0.2"])
@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=2)
def test_too_few_addresses_or_none_that_is_one_are_refused_in_one_line(
    method: str, page: str, forwarded: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = {"login": "ana@example.com", "email": "ana@example.com", "password": "a wrong one"}
    client = Client(headers={"x-forwarded-for": forwarded})

    with caplog.at_level(logging.WARNING):
        response = getattr(client, method)(page, data)

    assert response.status_code == 400
    (line,) = caplog.messages
    assert "LEDGER_PROXY_COUNT" in line
    assert forwarded not in line


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "198.51.100.7, 10.0.0.2"},
        {"x-forwarded-for": "forged, 198.51.100.7, 10.0.0.2"},
        {"x-forwarded-for": "[2001:db8::1]:443, 10.0.0.2"},
        {},
    ],
)
@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=2)
def test_what_the_proxies_write_is_served(headers: dict[str, str]) -> None:
    assert Client(headers=headers).get("/account/login/").status_code == 200


@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=2)
def test_probes_come_without_the_proxies() -> None:
    assert Client(headers={"x-forwarded-for": "10.0.0.2"}).get("/healthz").status_code == 200


def test_without_proxies_the_header_is_not_read() -> None:
    client = Client(headers={"x-forwarded-for": "nonsense"})

    assert client.get("/account/login/").status_code == 200
