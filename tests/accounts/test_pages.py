"""Signing up and in, the list of accounts, opening one, the theme."""

import re
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings

from accounts import services, views
from accounts.models import Account, User
from accounts.services import close_account
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.pages import text_of
from tests.requests import leave_unrendered, request_of
from transactions.demo.sign_ins import SIGN_INS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_rate_limits_left_over() -> None:
    cache.clear()


def test_signing_up_asks_for_a_name_and_leads_home_by_the_code_from_the_mail(
    client: Client, mailoutbox: list[Any]
) -> None:
    form = {
        "name": "  Ana   Ferreira ",
        "email": "Ana@Example.com",
        "password1": "long-enough-words",
        "password2": "long-enough-words",
    }
    assert client.post("/account/signup/", form)["Location"] == "/account/confirm-email/"
    (code,) = re.findall(r"signed up:\s+(\S+)", mailoutbox[0].body)
    response = client.post("/account/confirm-email/", {"code": code}, follow=True)
    user = User.objects.get()
    assert (user.name, user.email) == ("Ana Ferreira", "ana@example.com")
    assert response.redirect_chain[-1][0] == "/"
    assert "Open an account" in text_of(response)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "required"),
        ({"name": "\u200d\u200c"}, "a name with letters or digits"),
        ({"name": "\u2800\u3164"}, "a name with letters or digits"),
        ({"email": "no address"}, "valid email"),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"password2": "other words here"}, "same password"),
    ],
)
def test_a_mistake_in_signing_up_is_said_in_place(
    client: Client, changes: dict[str, str], said: str
) -> None:
    form = {
        "name": "Ana",
        "email": "ana@example.com",
        "password1": "long-enough-words",
        "password2": "long-enough-words",
    }
    response = client.post("/account/signup/", form | changes)
    assert response.status_code == 200
    assert said in text_of(response)
    assert not User.objects.exists()


@pytest.mark.parametrize("typed", ["ana@example.com", "ANA@Example.Com"])
def test_signing_in_by_email_whatever_its_case(client: Client, typed: str) -> None:
    UserFactory(email="ana@example.com", password=PASSWORD)
    response = client.post("/account/login/", {"login": typed, "password": PASSWORD})
    assert response.headers["Location"] == "/"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Client) -> None:
    UserFactory(email="ana@example.com", password=PASSWORD)
    answers = [
        text_of(client.post("/account/login/", {"login": who, "password": "wrong words"}))
        for who in ("ana@example.com", "nobody@example.com")
    ]
    assert answers[0] == answers[1]
    assert "do not match" in answers[0]


def test_somebody_who_left_cannot_sign_in_and_a_session_of_theirs_ends(client: Client) -> None:
    user = UserFactory(email="ana@example.com", password=PASSWORD)
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert client.get("/").status_code == 200
    user.deleted_at = user.created_at
    user.save()
    assert client.get("/").status_code == 302
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert client.get("/").status_code == 302


def test_every_page_but_signing_in_asks_for_it(client: Client) -> None:
    account = AccountFactory()
    for url in ("/", "/accounts/", "/accounts/open/", f"/accounts/{account.pk}/", "/admin/"):
        location = client.get(url).headers["Location"]
        assert "login" in location, url


def test_the_list_shows_ones_own_accounts_closed_ones_apart(client: Client) -> None:
    mine, theirs = AccountFactory(name="Everyday", balance="12"), AccountFactory(name="Theirs")
    old = AccountFactory(user=mine.user, name="Old")
    close_account(account=old, reason="Done")
    client.force_login(mine.user)
    response = client.get("/accounts/")
    said = text_of(response)
    assert "12.00" in said
    assert said.index("Everyday") < said.index("Closed") < said.index("Old")
    assert theirs.number not in response.content.decode()
    assert "Theirs" not in said


def test_opening_an_account_leads_to_its_statement(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    form = {"name": " Holiday  in Porto ", "currency": "JPY"}
    response = client.post("/accounts/open/", form, follow=True)
    account = Account.objects.get(user=user)
    assert (account.name, account.currency, account.balance) == ("Holiday in Porto", "JPY", 0)
    assert response.redirect_chain[-1][0] == f"/accounts/{account.pk}/"
    assert "Holiday in Porto is open." in text_of(response)


def test_the_list_has_ones_own_accounts_and_closed_ones_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leave_unrendered(monkeypatch, views)
    mine, _theirs = AccountFactory(), AccountFactory()
    frozen, old = AccountFactory(user=mine.user), AccountFactory(user=mine.user)
    services.freeze_account(account=frozen)
    close_account(account=old)
    page: Any = views.account_list(request_of(mine.user))
    context = page.context
    assert {*context["accounts"]} == {mine, frozen}
    assert context["closed"] == [old]


def test_the_form_of_an_account_says_why_the_bank_opens_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leave_unrendered(monkeypatch, views)
    person = UserFactory()
    page: Any = views.open_account(request_of(person, headers={"accept-language": "en-US"}))
    assert page.context["form"]["currency"].value() == "USD"
    assert not page.context["form"].is_bound
    wrong: Any = views.open_account(request_of(person, {"name": "", "currency": "EUR"}))
    assert wrong.context["form"].errors.keys() == {"name"}
    User.objects.filter(pk=person.pk).update(deleted_at=person.created_at)
    refused: Any = views.open_account(request_of(person, {"name": "Rent", "currency": "EUR"}))
    assert refused.template == page.template
    assert refused.context["form"].errors.keys() == {"__all__"}
    assert refused.context["form"].data["name"] == "Rent"
    assert not Account.objects.exists()


@pytest.mark.parametrize("form", [{"name": "", "currency": "EUR"}, {"name": "x", "currency": "X"}])
def test_an_account_needs_a_name_and_a_currency(client: Client, form: dict[str, str]) -> None:
    client.force_login(UserFactory())
    assert client.post("/accounts/open/", form).status_code == 200
    assert not Account.objects.exists()


@pytest.mark.parametrize(("chosen", "kept"), [("dark", "dark"), ("light", "light"), ("x", "")])
def test_a_theme_is_kept_in_a_cookie(client: Client, chosen: str, kept: str) -> None:
    response = client.post("/theme/", {"theme": chosen, "next": "/account/login/"})
    assert response.headers["Location"] == "/account/login/"
    page = client.get("/account/login/").content.decode()
    assert (f'data-theme="{kept}"' in page) == bool(kept)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", ""])
def test_the_theme_leads_back_to_our_own_pages_only(client: Client, elsewhere: str) -> None:
    response = client.post("/theme/", {"theme": "dark", "next": elsewhere})
    assert response.headers["Location"] == "/"
    assert client.get("/theme/").status_code == 405


def test_the_policy_lets_no_inline_script_or_style_run(client: Client) -> None:
    policy = client.get("/account/login/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "object-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_no_page_holds_an_inline_style_or_handler(client: Client) -> None:
    account = AccountFactory(balance="10")
    client.force_login(account.user)
    for url in (
        "/",
        "/accounts/",
        "/accounts/open/",
        f"/accounts/{account.pk}/",
        "/transfers/new/",
    ):
        content = client.get(url).content.decode()
        for inline in (" style=", "<style", " onclick=", "<script>", "javascript:"):
            assert inline not in content, (url, inline)


@pytest.mark.parametrize("demo", [True, False])
def test_the_demo_sign_ins_are_shown_where_there_is_demo_data(client: Client, demo: bool) -> None:
    for name in ("ana", "staff", "manager"):
        UserFactory(email=f"{name}@example.com")
    with override_settings(LEDGER_DEMO=demo):
        said = text_of(client.get("/account/login/"))
    assert ("staff@example.com" in said, "manager@example.com" in said) == (demo, demo)
    assert "analyst@example.com" not in said  # of a demo that does not have this person
    assert (PASSWORD in said) == demo


def test_the_demo_sign_ins_stand_in_groups_below_the_form(client: Client) -> None:
    for email in SIGN_INS.values():
        UserFactory(email=email)
    with override_settings(LEDGER_DEMO=True):
        response = client.get("/account/login/")
    groups = dict(response.context["demo_sign_ins"])
    assert set(dict(groups["Customer and analyst"])) == {"ana@example.com", "analyst@example.com"}
    everybody = [email for people in groups.values() for email, _role in people]
    assert sorted(everybody) == sorted(SIGN_INS.values())
    words = text_of(response)
    assert words.index("Password") < words.index("Customer and analyst") < words.index("Staff")
    assert words.index("Staff") < words.index("people@example.com")


def test_a_group_of_demo_sign_ins_without_people_is_not_shown(client: Client) -> None:
    UserFactory(email="ana@example.com")
    with override_settings(LEDGER_DEMO=True):
        groups = client.get("/account/login/").context["demo_sign_ins"]
    assert groups == [("Customer and analyst", [("ana@example.com", "Customer")])]


def test_one_press_signs_in_to_the_demo(client: Client) -> None:
    UserFactory(email="ana@example.com", password="ledger-demo")
    with override_settings(LEDGER_DEMO=True):
        page = client.get("/account/login/").content.decode()
    forms = [part.partition("</form>")[0] for part in page.split('class="try__form"')[1:]]
    assert len(forms) == 1
    names = ("login", "password")
    data = {name: re.findall(rf'name="{name}" value="([^"]*)"', forms[0])[0] for name in names}
    assert client.post("/account/login/", data)["Location"] == "/"


def test_no_demo_sign_in_is_shown_where_nobody_of_them_exists(client: Client) -> None:
    with override_settings(LEDGER_DEMO=True):
        assert PASSWORD not in text_of(client.get("/account/login/"))


def test_after_too_many_wrong_passwords_signing_in_waits(client: Client) -> None:
    UserFactory(email="ana@example.com", password=PASSWORD)
    form: dict[str, Any] = {"login": "ana@example.com", "password": "wrong words"}
    for _ in range(10):
        client.post("/account/login/", form)
    said = text_of(client.post("/account/login/", {**form, "password": PASSWORD}))
    assert "Too many failed login attempts" in said or "too many" in said.lower()
    assert "_auth_user_id" not in client.session


def test_a_new_account_is_in_ones_usual_currency_unless_said(client: Client) -> None:
    account = AccountFactory(currency="KWD")
    for currency in ("KWD", "EUR", "USD"):
        AccountFactory(user=account.user, currency=currency)
    client.force_login(account.user)
    assert client.get("/accounts/open/").context["form"]["currency"].value() == "KWD"


def test_nobody_opens_accounts_without_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_ACCOUNTS", 2)
    account = AccountFactory()
    client.force_login(account.user)
    form = {"name": "More", "currency": "USD"}
    assert client.post("/accounts/open/", form).headers["Location"] != "/accounts/"
    response = client.post("/accounts/open/", form, follow=True)
    assert response.redirect_chain == [("/accounts/", 302)]
    assert Account.objects.filter(user=account.user).count() == 2


def test_a_first_account_is_offered_in_the_currency_of_the_browsers_country(
    client: Client,
) -> None:
    client.force_login(UserFactory())
    page = client.get("/accounts/open/", headers={"accept-language": "de,de-CH;q=0.8,en;q=0.5"})
    assert page.context["form"]["currency"].value() == "CHF"


def test_a_further_account_is_offered_in_the_currency_of_those_before(client: Client) -> None:
    account = AccountFactory(currency="GBP")
    client.force_login(account.user)
    page = client.get("/accounts/open/", headers={"accept-language": "en-US"})
    assert page.context["form"]["currency"].value() == "GBP"


def test_a_new_account_says_how_money_comes_in(client: Client) -> None:
    account = AccountFactory()
    client.force_login(account.user)
    number = f"{account.number[:4]} {account.number[4:8]} {account.number[8:]}"
    for url in ("/", f"/accounts/{account.pk}/"):
        page = text_of(client.get(url))
        assert f"Give the account number {number} " in page
        assert "cash desk" in page
