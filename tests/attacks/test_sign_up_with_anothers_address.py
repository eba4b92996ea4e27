"""A person who signs up with another person's address loses access to it when the owner confirms
the address.
"""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.services import choose_name
from tests.factories import UserFactory
from tests.pages import text_of
from tests.sign_in import add_app, mailed_code

pytestmark = pytest.mark.django_db
ADDRESS = "owner@example.com"
THIEFS, OWNERS = "another lamp at the quay", "seven blue lamps at dusk"
CODE, NAME = "/account/login/code/", "/account/security/name/"


@pytest.fixture(autouse=True)
def _no_limits(db: None) -> None:
    cache.clear()


def sign_up(client: Client) -> User:
    form = {"name": "Mallory", "email": ADDRESS, "password1": THIEFS, "password2": THIEFS}
    client.post("/account/signup/", form)
    user: User = User.objects.get(email=ADDRESS)
    return user


def sign_in_by_mail(client: Client) -> str:
    """Signs in by mail, and returns the text of the next page."""
    client.post(CODE, {"email": ADDRESS})
    return text_of(client.post(f"{CODE}confirm/", {"code": mailed_code()}, follow=True))


def is_in(client: Client) -> bool:
    return client.get("/account/security/").status_code == 200


def signs_in(password: str) -> bool:
    client = Client()
    client.post("/account/login/", {"login": ADDRESS, "password": password})
    return is_in(client)


def test_a_sign_in_code_that_confirms_the_address_ends_the_password_of_the_sign_up() -> None:
    thief, owner = Client(), Client()
    user = sign_up(thief)
    text = sign_in_by_mail(owner)
    assert is_in(owner)
    assert "choose a password" in text.lower()
    assert not signs_in(THIEFS)
    assert not is_in(thief)
    user.refresh_from_db()
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified


def test_the_owner_chooses_a_password_afterwards() -> None:
    sign_up(Client())
    owner = Client()
    sign_in_by_mail(owner)
    owner.post("/account/password/set/", {"password1": OWNERS, "password2": OWNERS})
    assert signs_in(OWNERS)
    assert not signs_in(THIEFS)


@pytest.mark.parametrize("way", ["code", "reset"])
def test_factors_and_providers_of_the_sign_up_end_too(way: str) -> None:
    user = sign_up(Client())
    add_app(user)
    SocialAccount.objects.create(user=user, provider="oidc", uid="thief")
    owner = Client()
    if way == "code":
        sign_in_by_mail(owner)
    else:
        reset_password(owner)
    assert not Authenticator.objects.filter(user=user).exists()
    assert not SocialAccount.objects.filter(user=user).exists()
    assert EmailAddress.objects.get(user=user).verified


def reset_password(client: Client) -> None:
    client.post("/account/password/reset/", {"email": ADDRESS})
    (link,) = [line for line in mail.outbox[-1].body.splitlines() if "/reset/key/" in line]
    page = client.get("/" + link.split("/", 3)[3], follow=True)
    client.post(page.redirect_chain[-1][0], {"password1": OWNERS, "password2": OWNERS})


def test_a_reset_keeps_the_password_that_the_owner_has_just_chosen() -> None:
    sign_up(Client())
    reset_password(Client())
    assert signs_in(OWNERS)
    assert not signs_in(THIEFS)


def test_who_signs_up_again_without_the_code_is_told_how_to_go_on() -> None:
    """The mail "sign in as before" did not help: the password of the first sign-up is not valid."""
    sign_up(Client())
    pages = [Client().post("/account/signup/", {
        "name": "Olga", "email": address, "password1": OWNERS, "password2": OWNERS,
    }, follow=True) for address in (ADDRESS, "nobody-yet@example.com")]  # fmt: skip
    texts = [text_of(page).replace("nobody-yet@example.com", ADDRESS) for page in pages]
    assert texts[0] == texts[1]  # only the mail reveals it
    again, _ = mail.outbox[-2:]
    assert again.to == [ADDRESS]
    assert "sign in as before" not in again.body
    assert "/account/password/reset/" in again.body
    reset_password(Client())
    assert signs_in(OWNERS)


def test_whoever_confirms_in_the_browser_of_the_sign_up_keeps_the_password() -> None:
    client = Client()
    sign_up(client)
    client.post("/account/confirm-email/", {"code": mailed_code()})
    assert is_in(client)
    assert signs_in(THIEFS)


def test_somebody_who_has_signed_in_before_keeps_password_and_factors() -> None:
    user: User = UserFactory(email=ADDRESS, password=OWNERS)
    EmailAddress.objects.create(user=user, email=ADDRESS, verified=False, primary=True)
    User.objects.filter(pk=user.pk).update(last_login=user.created_at)
    add_app(user)
    sign_in_by_mail(Client())
    user.refresh_from_db()
    assert user.check_password(OWNERS)
    assert Authenticator.objects.filter(user=user).exists()


@pytest.mark.parametrize("way", ["code", "reset"])
def test_the_owner_is_asked_for_their_name_before_any_page(way: str) -> None:
    user, owner = sign_up(Client()), Client()
    if way == "code":
        text = sign_in_by_mail(owner)
    else:
        reset_password(owner)
        owner.post("/account/login/", {"login": ADDRESS, "password": OWNERS})
        text = text_of(owner.get("/", follow=True))
    assert "What is your name?" in text
    assert "Mallory" not in text
    for url in ("/", "/accounts/open/", "/transfers/new/"):
        for answer in (owner.get(url), owner.post(url)):
            assert answer.headers["Location"].startswith(NAME)
    assert owner.get(NAME).status_code == 200
    assert owner.get("/privacy/").status_code == 200

    for wrong in ("", "  ", "\u200d", "\u0410na"):
        owner.post(NAME, {"name": wrong})
    answer = owner.post(f"{NAME}?next=/accounts/", {"name": "  Olga   Ner "})
    assert answer.headers["Location"] == "/accounts/"
    user.refresh_from_db()
    assert user.name == "Olga Ner"
    assert owner.get("/accounts/").status_code == 200


def test_who_has_a_name_keeps_it(client: Client) -> None:
    user: User = UserFactory(name="Ana Ferreira")
    client.force_login(user)
    assert client.post(NAME, {"name": "Eve"}).headers["Location"] == "/"
    assert client.get(NAME, {"next": "//evil.example/"}).headers["Location"] == "/"
    odd = {"next": "01a20014-1e5f-774b-aa79-34a8eac11218"}  # no path, so nothing to look up
    assert client.get(NAME, odd).headers["Location"] == odd["next"]
    assert not choose_name(user=user, name="Eve")  # with a page that was opened before
    user.refresh_from_db()
    assert user.name == "Ana Ferreira"


def test_somebody_whom_the_bank_added_keeps_the_name_that_the_bank_gave() -> None:
    user: User = UserFactory(email=ADDRESS, name="Olga Ner", password=None)
    reset_password(Client())
    user.refresh_from_db()
    assert user.name == "Olga Ner"
    assert EmailAddress.objects.get(user=user).verified
