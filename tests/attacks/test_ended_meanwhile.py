"""A request waits while another request ends its session or token. The waiting request then changes
nothing.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import current_access
from accounts.exceptions import AccessEnded
from accounts.models import Account, User
from accounts.security import factor_urls, provider_urls
from accounts.security import urls as security_urls
from accounts.sign_in import sessions
from accounts.sign_in.recovery_codes import use_recovery_code
from accounts.sign_in.revalidation import refuse_request_if_ended
from tests.api.calls import bearer, post
from tests.attacks.digests import OF_EVERY_VISIT, table_digests
from tests.attacks.people import signed_in
from tests.attacks.waiting import after_waiting_for
from tests.banking.events.shared import webhook_of
from tests.banking.standing_orders.orders import order_of
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.passkeys import SoftPasskey, add_passkey
from tests.sign_in import add_app, code_of, mailed_code, verify_address

NEW = "nine green boats at dawn"
API = "/api/v1"
Request = Callable[[], Any]
rows = partial(table_digests, (*OF_EVERY_VISIT, "payment_names_asked"))  # a count of questions


@dataclass(slots=True)
class Victim:
    """A person with a passkey, an empty account, and a session or token that a thief uses."""

    user: User
    passkey: SoftPasskey
    account: Account
    other: Account

    def client(self) -> Client:
        return signed_in(self.user)

    def post(self, name: str, /, *arguments: Any, **fields: Any) -> Request:
        """Returns a request that sends the form in a session with a fresh step-up."""
        return partial(self.client().post, reverse(name, args=arguments), fields)

    def call(self, address: str, body: Any) -> Request:
        """Returns a request that calls the API in a session with a fresh step-up."""
        return partial(post, self.client(), API + address, body)

    def call_by_token(self, address: str, body: Any) -> Request:
        header = bearer(self.user, "read", "pay")
        Client().get(f"{API}/accounts/", headers=header)  # records the use of the token
        return partial(post, Client(), API + address, body, **header)


@pytest.fixture
def ana(monkeypatch: pytest.MonkeyPatch) -> Victim:
    monkeypatch.setattr("banking.events.targets.resolve", lambda _target, _owner: None)
    user: User = UserFactory(email="ana@example.com", password=PASSWORD)
    verify_address(user)
    return Victim(user, add_passkey(user), AccountFactory(user=user), AccountFactory())


def new_password(user: User) -> None:
    user = User.objects.get(pk=user.pk)
    user.set_password("seven blue lamps at dusk")
    user.save(update_fields=["password"])
    sessions.end_all(user, "password_reset")


def sign_out(user: User) -> None:
    User.objects.locked([user.pk]).get()
    sessions.end_all(user, "by_staff")


def order_wanted(ana: Victim) -> dict[str, str]:
    return {
        "from_account": str(ana.account.pk), "to_number": ana.other.number, "amount": "25.00",
        "every": "month", "first_on": str(timezone.localdate() + timedelta(days=9)),
    }  # fmt: skip


def order(ana: Victim) -> str:
    return str(order_of(ana.account, ana.other, amount=Decimal(10)).pk)


def add_app_later(ana: Victim) -> Request:
    client = ana.client()
    url = reverse("mfa_activate_totp")
    code = code_of(client.get(url).context["form"].secret)
    return lambda: client.post(url, {"code": code})


def add_passkey_later(ana: Victim) -> Request:
    client, url = ana.client(), reverse("mfa_add_webauthn")
    (challenge,) = re.findall(r'"challenge": ?"([\w-]+)"', client.get(url).content.decode())
    made = SoftPasskey(ana.user, site="testserver").register(challenge)
    return lambda: client.post(url, {"name": "Thief", "credential": made, "passwordless": "on"})


def remove_passkey(ana: Victim) -> Request:
    add_app(ana.user)  # the passkey stays as the second factor
    return ana.post("security:remove_passkey", ana.passkey.row.pk)


def remove_app(ana: Victim) -> Request:
    add_app(ana.user)
    return ana.post("mfa_deactivate_totp")


def with_further_address(action: str) -> Callable[[Victim], Request]:
    def prepare(ana: Victim) -> Request:
        further = {"email": "further@example.com", "verified": True}
        EmailAddress.objects.create(user=ana.user, **further)
        return ana.post("account_email", email="further@example.com", **{action: ""})

    return prepare


def confirm_address(ana: Victim) -> Request:
    client = ana.client()
    client.post(reverse("account_email"), {"email": "thief@example.net", "action_add": ""})
    code = mailed_code()
    return partial(client.post, reverse("security:confirm_address"), {"code": code})


def choose_password(ana: Victim) -> Request:
    ana.user.set_unusable_password()
    ana.user.save()
    return ana.post("security:choose_password", password1=NEW, password2=NEW)


def choose_name(ana: Victim) -> Request:
    User.objects.filter(pk=ana.user.pk).update(name="")
    return ana.post("security:choose_name", name="Thief")


def change_password(ana: Victim) -> Request:
    fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    return ana.post("security:change_password", **fields)


def with_webhook(name: str, /, **fields: Any) -> Callable[[Victim], Request]:
    return lambda ana: ana.post(name, webhook_of(ana.user).pk, **fields)


HOOK: dict[str, Any] = {"url": "https://receiver.example/hook", "kinds": ["posted"]}
CASES: dict[str, Callable[[Victim], Request]] = {
    "security:make_token": lambda ana: ana.post(
        "security:make_token", name="Budget", scopes=["read"], days="90"
    ),
    "security:end_session": lambda ana: ana.post("security:end_session", session="0" * 64),
    "security:end_other_sessions": lambda ana: ana.post("security:end_other_sessions"),
    "security:choose_name": choose_name,
    "security:drop_password": lambda ana: ana.post("security:drop_password"),
    "security:change_password": change_password,
    "security:choose_password": choose_password,
    "security:addresses primary": with_further_address("action_primary"),
    "security:addresses remove": with_further_address("action_remove"),
    "security:confirm_address": confirm_address,
    "security:recovery_codes": lambda ana: ana.post("security:recovery_codes"),
    "security:remove_passkey": remove_passkey,
    "mfa_activate_totp": add_app_later,
    "mfa_deactivate_totp": remove_app,
    "mfa_add_webauthn": add_passkey_later,
    "mfa_edit_webauthn": lambda ana: ana.post(
        "mfa_edit_webauthn", ana.passkey.row.pk, name="Thief"
    ),
    "transactions:close": lambda ana: ana.post("transactions:close", ana.account.pk),
    "transactions:leave": lambda ana: ana.post("transactions:leave"),
    "accounts:open": lambda ana: ana.post("accounts:open", name="More", currency="EUR"),
    "accounts:settings": lambda ana: ana.post("accounts:settings", ana.account.pk, name="Mine"),
    "transactions:payee_new": lambda ana: ana.post(
        "transactions:payee_new", number=ana.other.number, name="Thief"
    ),
    "transactions:webhook_new": lambda ana: ana.post("transactions:webhook_new", **HOOK),
    "transactions:webhook_secret": with_webhook("transactions:webhook_secret"),
    "transactions:webhook_kinds": with_webhook("transactions:webhook_kinds", kinds=["held"]),
    "transactions:webhook_off": with_webhook("transactions:webhook_off"),
    "transactions:webhook_remove": with_webhook("transactions:webhook_remove"),
    "transactions:standing_order_pause": lambda ana: ana.post(
        "transactions:standing_order_pause", order(ana)
    ),
    "transactions:standing_order_amount": lambda ana: ana.post(
        "transactions:standing_order_amount", order(ana), amount="11"
    ),
    "a standing order in a session": lambda ana: ana.call(
        "/standing-orders/", order_wanted(ana)
    ),
    "a standing order by token": lambda ana: ana.call_by_token(
        "/standing-orders/", order_wanted(ana)
    ),
    "an amount by token": lambda ana: ana.call_by_token(
        f"/standing-orders/{order(ana)}/amount/", {"amount": "11.00"}
    ),
    "a payee by token": lambda ana: ana.call_by_token(
        "/payees/saved/", {"number": ana.other.number, "name": "Thief"}
    ),
}  # fmt: skip
# Requests that need no lock of the session: they show something, sign in, or only remove access.
OTHERS = {
    "security:page", "security:factors", "security:passkeys", "security:revoke_token",
    "security:revoke_tokens", "security:sign_in_by_passkey", "security:step_up_by_passkey",
    "mfa_authenticate", "mfa_index", "mfa_list_webauthn", "mfa_login_webauthn",
    "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "mfa_signup_webauthn",
    "openid_connect_login", "prove_at_provider", "socialaccount_login_cancelled",
    "socialaccount_login_error", "socialaccount_signup",
}  # fmt: skip
ELSEWHERE = {
    "mfa_remove_webauthn": "security:remove_passkey",
    "openid_connect_callback": "test_a_provider_is_not_connected_by_a_session_that_has_ended",
    "socialaccount_connections": "tests/accounts/sign_in/test_removed_meanwhile.py",
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [new_password, sign_out])
@pytest.mark.parametrize("name", CASES)
def test_an_ended_session_changes_nothing(
    ana: Victim, name: str, end: Callable[[User], None]
) -> None:
    request, at_the_end = CASES[name](ana), {}

    def end_it() -> None:
        end(ana.user)
        at_the_end.update(rows())
        mail.outbox.clear()

    after_waiting_for(end_it, request)
    assert rows() == at_the_end
    assert mail.outbox == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", CASES)
def test_the_same_request_counts_while_its_session_does(ana: Victim, name: str) -> None:
    if name.startswith("security:end_"):
        pytest.skip("Changes sessions alone, which the digests leave out.")
    request = CASES[name](ana)
    before = rows()
    request()
    assert rows() != before


def test_each_change_of_what_signs_in_is_tried() -> None:
    names = {f"security:{url.name}" for url in security_urls.urlpatterns}
    names |= {url.name for each in (factor_urls, provider_urls) for url in each.urlpatterns}
    assert names == {
        name.split()[0] for name in CASES if name.startswith(("security:", "mfa_"))
    } | (OTHERS | ELSEWHERE.keys())


@pytest.mark.django_db(transaction=True)
def test_recovery_codes_shown_by_one_of_two_presses_count(ana: Victim) -> None:
    url, once, again = reverse("security:recovery_codes"), ana.client(), Client()
    again.cookies = SimpleCookie({name: it.value for name, it in once.cookies.items()})
    shown: list[str] = []
    answer = after_waiting_for(
        lambda: shown.extend(once.post(url).context["codes"]), lambda: again.post(url)
    )
    assert answer.status_code == HTTPStatus.CONFLICT
    assert use_recovery_code(user=ana.user, code=shown[0])


@pytest.mark.django_db(transaction=True)
def test_a_provider_is_not_connected_by_a_session_that_has_ended(ana: Victim) -> None:
    request = HttpRequest()
    request.user, request.session = ana.user, ana.client().session

    def connect() -> None:
        with current_access.checked_by(partial(refuse_request_if_ended, request)):
            SocialAccount.objects.create(user=ana.user, provider="oidc", uid="thief")

    refusal = after_waiting_for(lambda: new_password(ana.user), connect)
    assert isinstance(refusal, AccessEnded)
    assert not SocialAccount.objects.exists()
