"""Access tokens on the page Security: listed, made, shown once, revoked."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Account, ApiToken, User
from accounts.sign_in import tokens
from tests.accounts.tokens import expire, issue
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.pages import text_of
from tests.passkeys import add_passkey
from tests.sign_in import let_pass, prove, prove_factor

pytestmark = pytest.mark.django_db
PAGE = "/account/security/"
NEW, REVOKE, REVOKE_ALL = (f"{PAGE}tokens/{name}/" for name in ("new", "revoke", "revoke-all"))
AGAIN = "nine-quiet-harbours"
FORM = {"name": "Home budget", "scopes": ["read"], "days": "90"}


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="10", currency="EUR", user__password=PASSWORD)
    return account


@pytest.fixture
def ana(account: Account) -> User:
    return account.user


@pytest.fixture
def client(client: Client, ana: User) -> Client:
    """Signed in, and stepped up."""
    client.force_login(ana)
    prove(client, ana)
    return client


def test_a_new_token_is_shown_once_and_works(client: Client, ana: User) -> None:
    page = client.post(NEW, FORM)
    text = page.context["issued"].text
    assert text in text_of(page)
    assert "no-store" in page.headers["Cache-Control"]
    token = tokens.owner_of(text)
    assert token is not None
    assert (token.user, token.name, token.scopes) == (ana, "Home budget", ["read"])
    assert (token.currency, token.per_payment, token.per_day) == ("", None, None)
    assert token.expires_at is not None
    assert timedelta(days=89) < token.expires_at - timezone.now() < timedelta(days=91)
    listed = text_of(client.get(PAGE))
    assert token.prefix in listed
    assert "This token may read." in listed
    assert text not in client.get(PAGE).content.decode()


def test_limits_are_proposed_from_what_needs_no_step_up(client: Client, settings: Settings) -> None:
    settings.LEDGER_STEP_UP_OVER = {"*": Decimal(1000), "EUR": Decimal(700)}
    form = client.get(NEW).context["form"]
    assert (form["per_payment"].initial, form["per_day"].initial) == ("700", "700")
    paying = FORM | {"scopes": ["read", "pay"], "currency": "EUR", "per_payment": "50"}
    client.post(NEW, paying | {"per_day": "1,700.50"})
    token = ApiToken.objects.get()
    assert token.scopes == ["read", "pay"]
    assert (token.currency, token.per_payment, token.per_day) == (
        "EUR", Decimal(50), Decimal("1700.5"),
    )  # fmt: skip
    assert "at most 50.00 EUR per payment" in text_of(client.get(PAGE)).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["staff"]}, "scopes"),
        ({"scopes": ["report"]}, "scopes"),
        ({"scopes": ["root"]}, "scopes"),
        ({"days": "3650"}, "days"),
        ({"days": ""}, "days"),
        ({"scopes": ["pay"], "currency": ""}, "currency"),
        ({"scopes": ["pay"], "currency": "JPY"}, "currency"),
        ({"scopes": ["pay"], "currency": "EUR", "per_day": "-5"}, "per_day"),
        ({"scopes": ["pay"], "currency": "EUR", "per_day": "0"}, "per_day"),
        ({"scopes": ["pay"], "currency": "EUR", "per_payment": "0.001"}, "per_payment"),
        ({"scopes": ["pay"], "currency": "EUR", "per_day": "much"}, "per_day"),
        ({"scopes": ["pay"], "currency": "EUR", "per_day": "NaN"}, "per_day"),
        ({"scopes": ["pay"], "currency": "EUR", "per_payment": "1e400"}, "per_payment"),
    ],
)
def test_what_is_wrong_stands_at_its_field(client: Client, change: Any, field: str) -> None:
    page = client.post(NEW, FORM | change)
    assert page.context["form"].errors[field]
    assert not ApiToken.objects.exists()


def test_limits_without_the_right_to_pay_do_not_count(client: Client) -> None:
    client.post(NEW, FORM | {"currency": "EUR", "per_payment": "700", "per_day": "1,5"})
    assert ApiToken.objects.get().currency == ""


def test_who_has_no_account_is_not_offered_to_pay() -> None:
    client, nina = Client(), UserFactory(password=PASSWORD)
    client.force_login(nina)
    prove(client, nina)
    offered = [value for value, _ in client.get(NEW).context["form"].fields["scopes"].choices]
    assert offered == ["read"]
    assert "scopes" in client.post(NEW, FORM | {"scopes": ["pay"]}).context["form"].errors


def test_staff_are_offered_their_scope_and_need_their_second_factor_for_it(
    settings: Settings,
) -> None:
    settings.LEDGER_STAFF_SECOND_FACTOR = True
    client, clerk = Client(), UserFactory(password=PASSWORD, is_staff=True)
    passkey = add_passkey(clerk).row
    client.force_login(clerk)
    prove_factor(client, passkey)
    client.post(NEW, FORM | {"scopes": ["read", "staff"]})
    assert ApiToken.objects.get().second_factor
    passkey.delete()
    refused = client.post(NEW, FORM | {"scopes": ["staff"]})
    assert "second factor" in str(refused.context["form"].errors["scopes"])


def test_making_and_revoking_need_a_step_up(ana: User) -> None:
    client = Client()
    client.force_login(ana)
    let_pass(client, minutes=6)
    token = issue(ana).row
    for url in (NEW, REVOKE, REVOKE_ALL):
        answer = client.post(url, FORM | {"token": token.prefix})
        assert "reauthenticate" in answer.headers["Location"]
    assert "reauthenticate" in client.get(NEW).headers["Location"]
    assert ApiToken.objects.live().get() == token


def test_a_token_is_revoked_and_stays_listed_for_a_while(client: Client, ana: User) -> None:
    first, other, old = issue(ana, name="Laptop"), issue(ana, name="Phone"), issue(ana, name="Old")
    expire(old.row)
    client.post(REVOKE, {"token": first.row.prefix})
    assert list(ApiToken.objects.of(ana).live()) == [other.row]
    row = ApiToken.objects.get(pk=first.row.pk)
    assert (row.revoked_by, row.reason) == (ana, "by_person")
    listed = text_of(client.get(PAGE))
    assert "Laptop revoked" in listed
    assert "revoked by you" in listed
    assert "Old expired" in listed
    again = client.post(REVOKE, {"token": first.row.prefix}, follow=True)
    assert "was already revoked" in text_of(again)


@pytest.mark.django_db(transaction=True)
def test_all_tokens_are_revoked_and_told_at_once(client: Client, ana: User) -> None:
    for _ in range(2):
        issue(ana)
    mail.outbox.clear()
    client.post(REVOKE_ALL)
    assert not ApiToken.objects.live().exists()
    assert [message.to for message in mail.outbox] == [[ana.email]]


def test_nobody_revokes_the_token_of_another_person(client: Client, ana: User) -> None:
    token = issue(UserFactory()).row
    for prefix in (token.prefix, "", "%", token.prefix[:4]):
        client.post(REVOKE, {"token": prefix})
    client.post(REVOKE_ALL)
    assert ApiToken.objects.live().get() == token


def test_the_reason_of_staff_is_not_shown(client: Client, ana: User) -> None:
    clerk = UserFactory(is_staff=True)
    tokens.revoke(token=issue(ana).row, by=clerk, reason="Ana is suspected")
    listed = text_of(client.get(PAGE))
    assert "revoked by the bank" in listed
    assert "suspected" not in listed


def test_the_twenty_first_token_is_refused_with_a_sentence(client: Client, ana: User) -> None:
    for _ in range(tokens.MAX_VALID):
        issue(ana)
    assert "at most 20 tokens" in text_of(client.post(NEW, FORM, follow=True))


def test_changing_the_password_leaves_tokens_and_resetting_it_ends_them(
    client: Client, ana: User
) -> None:
    text = issue(ana).text
    new = {"password1": "eight-quiet-harbours", "password2": "eight-quiet-harbours"}
    client.post("/account/password/change/", {"oldpassword": PASSWORD} | new)
    ana.refresh_from_db()
    assert ana.check_password("eight-quiet-harbours")
    assert tokens.owner_of(text) is not None
    visitor = Client()
    visitor.post("/account/password/reset/", {"email": ana.email})
    (link,) = [word for word in str(mail.outbox[-1].body).split() if "/reset/key/" in word]
    form = visitor.get(link, follow=True)
    visitor.post(form.redirect_chain[-1][0], {"password1": AGAIN, "password2": AGAIN})
    ana.refresh_from_db()
    assert ana.check_password(AGAIN)
    assert ApiToken.objects.get().reason == "password_reset"
