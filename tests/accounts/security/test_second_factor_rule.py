"""Staff, and by a setting customers, see their pages only in a session with a second factor."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from django.contrib import admin
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.sign_in.step_up import NEW_FACTOR
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.passkeys import add_passkey
from tests.sign_in import add_app, add_recovery_codes, code_of, freeze_codes, prove, prove_factor
from tests.transactions.reports.books import analyst

pytestmark = pytest.mark.django_db
PAGE, SECOND = "/account/security/", "/account/2fa/authenticate/"
SET_UP, CODES = "/account/2fa/totp/activate/", "/account/2fa/recovery-codes/"


@pytest.fixture(autouse=True)
def rule(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.LEDGER_STAFF_SECOND_FACTOR = True
    freeze_codes(monkeypatch)
    cache.clear()
    yield
    cache.clear()


def leads_to_security(client: Client, url: str = "/admin/") -> bool:
    answer = client.get(url)
    return answer.status_code == 302 and answer.headers["Location"].startswith(PAGE)


@pytest.mark.parametrize(
    "url",
    [
        "/admin/",
        "/reports/",
        "/search/?q=rent",
        "/admin/search/",
        "/transactions/0197c091-9a65-72fd-9af0-51ccdc7a34c7/",
    ],
)
def test_staff_without_a_second_factor_are_led_to_set_one_up(staff: Client, url: str) -> None:
    assert leads_to_security(staff, url)
    page = text_of(staff.get(url, follow=True))
    assert "The pages of staff and analysts need a second factor" in page
    assert "Set up an app" in page


def test_being_led_away_waits_for_no_standby_and_writes_nothing_twice(staff: Client) -> None:
    def sent() -> list[str]:
        with CaptureQueriesContext(connection) as found:
            assert leads_to_security(staff, "/admin/search/")
        return [query["sql"] for query in found]

    first = sent()
    alone = first.index("SET LOCAL synchronous_commit = local")
    writes = [place for place, sql in enumerate(first) if sql.startswith("UPDATE")]
    assert writes
    assert min(writes) > alone
    assert not any(sql.startswith(("UPDATE", "INSERT")) for sql in sent())


def test_a_post_is_led_away_and_changes_nothing(staff: Client, clerk: User) -> None:
    ana = UserFactory(name="Ana")
    url = f"/admin/accounts/user/{ana.pk}/change/"
    answer = staff.post(url, {"name": "Eve", "email": ana.email})
    assert answer.headers["Location"] == PAGE
    ana.refresh_from_db()
    assert ana.name == "Ana"


def test_the_rule_binds_a_superuser_who_is_not_staff(client: Client) -> None:
    client.force_login(UserFactory(is_superuser=True, is_staff=False))
    assert leads_to_security(client, "/reports/")


def test_possessing_a_factor_is_not_enough(staff: Client, clerk: User) -> None:
    app = add_app(clerk)
    prove(staff, clerk)
    assert leads_to_security(staff)
    page = staff.get("/admin/", follow=True)
    assert 'href="/account/2fa/reauthenticate/?next=%2Fadmin%2F"' in page.content.decode()
    prove_factor(staff, app)
    assert staff.get("/admin/").status_code == 200


@pytest.mark.parametrize("by", ["app", "recovery code", "passkey"])
def test_a_session_signed_in_with_a_second_factor_is_let_in(
    client: Client, clerk: User, by: str
) -> None:
    clerk.set_password(PASSWORD)
    clerk.save()
    add_app(clerk)
    codes = add_recovery_codes(clerk)
    if by == "passkey":
        passkey, url = add_passkey(clerk), "/account/2fa/webauthn/login/"
        options = client.get(url, headers={"accept": "application/json"}).json()
        challenge = options["request_options"]["publicKey"]["challenge"]
        client.post(url, {"credential": passkey.sign(challenge)})
    else:
        client.post("/account/login/", {"login": clerk.email, "password": PASSWORD})
        client.post(SECOND, {"code": code_of() if by == "app" else codes[0]})
    assert client.get("/admin/").status_code == 200


def test_the_first_superuser_of_a_fresh_bank_gets_in(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = "seven-quiet-harbours"
    root = User.objects.create_superuser("root@example.com", password, name="Root")
    client.post("/account/login/", {"login": root.email, "password": password})
    client.get("/account/email/")  # now the address is on record, and not confirmed
    assert leads_to_security(client)

    set_up = "/account/2fa/totp/activate/"
    secret = client.get(set_up).context["form"].secret
    client.post(set_up, {"code": code_of(secret)})
    assert leads_to_security(client)

    freeze_codes(monkeypatch, later=1)  # the code that set up the app counts once
    prove_it = client.get("/admin/", follow=True).context["sections"][0]["facts"]["url_to_prove"]
    client.post(prove_it, {"code": code_of(secret), "next": "/admin/"})
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("has_codes", [False, True])
def test_the_page_that_was_closed_opens_when_a_factor_is_set_up(
    client: Client,
    clerk: User,
    monkeypatch: pytest.MonkeyPatch,
    has_codes: bool,
) -> None:
    wanted = "/admin/accounts/account/?q=rent"
    back = f"{PAGE}?{urlencode({'next': wanted})}"
    if has_codes:
        add_recovery_codes(clerk)
    clerk.set_password(PASSWORD)
    clerk.save()
    client.post("/account/login/", {"login": clerk.email, "password": PASSWORD})
    assert leads_to_security(client, wanted)

    secret = client.get(SET_UP).context["form"].secret
    client.post(SET_UP, {"code": code_of(secret)})
    prove(client, clerk, NEW_FACTOR, type="totp")  # as after the commit, which no test has
    added = client.get("/account/2fa/", follow=True)
    if not has_codes:
        assert added.redirect_chain[-1][0] == CODES
        assert f'href="{back}">I have saved the codes' in client.post(CODES).content.decode()
    else:
        assert added.redirect_chain[-1][0] == back
    url = client.get(back).context["sections"][0]["facts"]["url_to_prove"]
    freeze_codes(monkeypatch, later=1)  # the code that set up the app counts once
    opened = client.post(url, {"code": code_of(secret)}, follow=True)
    assert opened.redirect_chain[-1][0] == wanted


def test_new_codes_lead_to_the_page_that_was_closed_once(staff: Client, clerk: User) -> None:
    staff.get("/reports/")
    prove_factor(staff, add_app(clerk))
    assert 'href="/reports/">I have saved the codes' in staff.post(CODES).content.decode()
    assert f'href="{PAGE}">I have saved the codes' in staff.post(CODES).content.decode()


def test_a_factor_that_is_removed_closes_the_admin(staff: Client, clerk: User) -> None:
    app = add_app(clerk)
    prove_factor(staff, app)
    assert staff.get("/admin/").status_code == 200
    app.delete()
    assert leads_to_security(staff)


def test_a_password_reset_opens_nothing(client: Client, settings: LazySettings) -> None:
    settings.ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
    clerk = UserFactory(is_staff=True, password=PASSWORD, last_login=timezone.now())
    add_app(clerk)
    client.post("/account/password/reset/", {"email": clerk.email})
    (link,) = [word for word in str(mail.outbox[0].body).split() if "/password/reset/key/" in word]
    form = client.get(link, follow=True)
    new = "entirely-other-words"
    client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    clerk.refresh_from_db()
    assert clerk.check_password(new)
    for url in ("/", "/admin/", "/admin/search/"):
        assert "/login/?next=" in client.get(url).headers["Location"]


def test_analysts_prove_one_before_they_read_the_bank(client: Client) -> None:
    anders = analyst()
    client.force_login(anders)
    for url in ("/reports/", "/search/"):
        assert leads_to_security(client, url)
    assert client.get("/accounts/").status_code == 200
    prove_factor(client, add_app(anders))
    assert client.get("/reports/").status_code == 200


def test_customers_are_not_asked(client: Client) -> None:
    client.force_login(UserFactory())
    assert client.get("/reports/").status_code == 200
    assert client.get("/search/").status_code == 200
    assert client.get("/admin/").headers["Location"].startswith("/admin/login/")


def test_staff_can_sign_out_and_see_their_own_accounts(staff: Client) -> None:
    assert staff.get("/accounts/").status_code == 200
    assert staff.get("/add-money/").status_code == 200
    assert not leads_to_security(staff, "/admin/logout/")
    staff.post("/account/logout/")
    assert staff.get("/accounts/").status_code == 302


def test_nobody_edits_second_factors_in_the_admin() -> None:
    assert not admin.site.is_registered(Authenticator)


def test_the_rule_can_be_off(staff: Client, settings: LazySettings) -> None:
    settings.LEDGER_STAFF_SECOND_FACTOR = False
    assert staff.get("/admin/").status_code == 200
    assert "second factor" not in text_of(staff.get(PAGE))


def test_customers_who_need_one_get_in_with_it(client: Client, settings: LazySettings) -> None:
    settings.LEDGER_CUSTOMER_SECOND_FACTOR = True
    ana = UserFactory()
    client.force_login(ana)
    assert leads_to_security(client, "/")
    assert "Your accounts need a second factor" in text_of(client.get("/", follow=True))
    prove_factor(client, add_app(ana))
    assert client.get("/").status_code == 200
