"""The page "Security": what protects a sign-in, and the pages that change it."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, UserFactory
from tests.identity_provider import mock_server, there
from tests.pages import text_of
from tests.passkeys import add_passkey
from tests.sign_in import add_app

pytestmark = pytest.mark.django_db
PAGE = "/account/security/"
__all__ = ["mock_server", "there"]  # fixtures


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


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("passkeys", "has_provider", "said"),
    [
        (1, False, "Only your passkeys sign you in"),
        (1, True, "Your passkeys and Cloud Sign-in sign you in"),
        (0, True, "Only Cloud Sign-in signs you in"),
        (0, False, "Only codes from mails sign you in"),
    ],
)
def test_the_page_says_what_signs_in_somebody_without_a_password(
    client: Client, passkeys: int, has_provider: bool, said: str
) -> None:
    user = UserFactory(password=None)
    for _ in range(passkeys):
        add_passkey(user)
    if has_provider:
        SocialAccount.objects.create(user=user, provider="oidc", uid="7")
    client.force_login(user)
    text = text_of(client.get(PAGE))
    assert said in text
    assert "Choose a new password" not in text


def test_the_newest_twenty_sessions_are_listed_and_the_others_counted(client: Client) -> None:
    user = UserFactory(password=PASSWORD)
    for _ in range(22):
        Client().force_login(user)
    client.force_login(user)
    page = client.get(PAGE)
    assert page.content.decode().count("/account/security/sessions/end/") == 19
    assert "And 3 earlier sessions" in text_of(page)
    assert "this device" in text_of(page)
