"""The page "Security": what protects a sign-in, and the pages that change it."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.sign_in import add_app

pytestmark = pytest.mark.django_db
PAGE = "/account/security/"


def test_the_page_says_what_protects_the_sign_in(client: Client) -> None:
    user = UserFactory(password=PASSWORD)
    client.force_login(user)
    assert "Only a password protects your sign-in" in text_of(client.get(PAGE))
    add_app(user)
    assert "A password and an authenticator app protect" in text_of(client.get(PAGE))


def test_the_menu_leads_to_the_page(client: Client) -> None:
    client.force_login(UserFactory())
    assert f'href="{PAGE}"' in client.get("/").content.decode()


@pytest.mark.parametrize("name", ["mfa_index", "mfa_list_webauthn"])
def test_the_lists_of_allauth_lead_to_the_page(client: Client, name: str) -> None:
    client.force_login(UserFactory())
    assert client.get(reverse(name)).headers["Location"] == PAGE


def test_a_stranger_must_sign_in(client: Client) -> None:
    assert "/account/login/" in client.get(PAGE).headers["Location"]
    assert client.post(PAGE).status_code == 302
