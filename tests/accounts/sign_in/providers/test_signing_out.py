"""Signing out here also signs out at the provider, for sessions that began there."""

from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.test import Client

from tests.identity_provider import ANA, NINA, There, is_signed_in, person_here

pytestmark = pytest.mark.django_db
OUT = "/account/logout/"
BACK = "http://testserver/account/login/"


def test_it_leads_to_the_providers_sign_out_and_back(client: Client, there: There) -> None:
    there.sign_in(client, NINA)
    response = client.post(OUT)
    assert not is_signed_in(client)
    url = urlsplit(response["Location"])
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{there.provider.issuer}/end-session"
    assert query["post_logout_redirect_uri"] == BACK
    assert query["client_id"] == there.provider.client_id
    claims = jwt.decode(query["id_token_hint"], options={"verify_signature": False})
    assert claims["sub"] == NINA.subject


def test_the_admins_sign_out_does_the_same(client: Client, there: There) -> None:
    there.sign_in(client, NINA)
    assert client.post("/admin/logout/")["Location"].startswith(there.provider.issuer)
    assert not is_signed_in(client)


def test_cognito_is_asked_in_its_own_words(client: Client, there: There) -> None:
    there.configure(sign_out_url="https://bank.auth.example/logout")
    there.sign_in(client, NINA)
    url = urlsplit(client.post(OUT)["Location"])
    assert url.hostname == "bank.auth.example"
    assert parse_qs(url.query) == {
        "client_id": [there.provider.client_id],
        "logout_uri": [BACK],
    }


def test_a_session_that_began_here_ends_here(client: Client, there: There) -> None:
    client.force_login(person_here(ANA))
    assert client.post(OUT)["Location"] == "/"


def test_a_provider_that_is_down_keeps_nobody_signed_in(client: Client, there: There) -> None:
    there.sign_in(client, NINA)
    there.configure(issuer="http://127.0.0.1:9")
    assert client.post(OUT)["Location"] == "/"
    assert not is_signed_in(client)


def test_the_token_is_in_the_session_and_ends_with_it(client: Client, there: There) -> None:
    there.sign_in(client, NINA)
    before = client.session
    assert before.exists(before.session_key or "")
    client.post(OUT)
    assert not before.exists(before.session_key or "")
    assert "provider_id_token" not in client.session
