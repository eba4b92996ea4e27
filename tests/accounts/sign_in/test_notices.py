"""Every change of how somebody signs in sends that person a mail.

The changes are found: by the addresses under /account/, by the functions of `access` and `removal`,
and by the kinds of change in the security log. A new one has to be listed here, in `CHANGES` with a
way to do it, or with the reason why nobody is told.
"""

import ast
import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.core.mail.backends.locmem import EmailBackend
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import User, WebSession
from accounts.sign_in import access, notices, removal
from accounts.sign_in.limits import HOUR, Limit
from ledger.web.mail import MailNotSent
from tests.accounts.tokens import issue
from tests.attacks.walk import patterns
from tests.checks import tracked_files
from tests.factories import UserFactory
from tests.pages import text_of
from tests.passkeys import SoftPasskey, add_passkey
from tests.sign_in import (
    add_app,
    add_recovery_codes,
    code_of,
    freeze_codes,
    mailed_code,
    prove,
    prove_factor,
    verify_address,
)
from transactions.privacy.leaving import leave

pytestmark = pytest.mark.django_db(transaction=True)  # mails leave after the commit
PASSWORD, NEW = "seven-quiet-harbours", "eight-quiet-harbours"
Do = Callable[[Client, User], None]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze_codes(monkeypatch)
    cache.clear()


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(email="ana@example.com", password=PASSWORD)
    verify_address(ana)
    return ana


def add_address(client: Client, ana: User) -> None:
    client.post("/account/email/", {"action_add": "", "email": "second@example.com"})
    code = mailed_code()
    mail.outbox.clear()
    client.post("/account/confirm-email/", {"code": code})
    assert EmailAddress.objects.filter(user=ana, verified=True).count() == 2


def with_second_address(button: str) -> Do:
    def press(client: Client, ana: User) -> None:
        second = "second@example.com"
        EmailAddress.objects.create(user=ana, email=second, verified=True)
        client.post("/account/email/", {button: "", "email": second})

    return press


def add_a_passkey(client: Client, ana: User) -> None:
    url = "/account/2fa/webauthn/add/"
    found = re.search(r'"challenge": ?"([\w-]+)"', client.get(url).content.decode())
    assert found
    made = SoftPasskey(ana, site="testserver").register(found[1])
    client.post(url, {"name": "Phone", "credential": made, "passwordless": "on"})
    assert Authenticator.objects.filter(user=ana, type="webauthn").exists()


def add_an_app(client: Client, ana: User) -> None:
    secret = client.get("/account/2fa/totp/activate/").context["form"].secret
    client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    assert Authenticator.objects.filter(user=ana, type="totp").exists()


def with_app(url: str) -> Do:
    def press(client: Client, ana: User) -> None:
        prove_factor(client, add_app(ana))
        client.post(url)

    return press


def use_a_recovery_code(client: Client, ana: User) -> None:
    add_app(ana)
    code = add_recovery_codes(ana)[0]
    half = Client()
    half.post("/account/login/", {"login": ana.email, "password": PASSWORD})
    half.post("/account/2fa/authenticate/", {"code": code})


def remove_a_passkey(client: Client, ana: User) -> None:
    row = add_passkey(ana).row
    prove_factor(client, row)
    client.post(reverse("security:remove_passkey", args=[row.pk]))


def drop_the_password(client: Client, ana: User) -> None:
    prove_factor(client, add_passkey(ana).row)
    client.post("/account/security/password/remove/")


def change_password(client: Client, _ana: User) -> None:
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/account/password/change/", form)


def choose_password(client: Client, ana: User) -> None:
    ana.set_unusable_password()
    ana.save()
    client.force_login(ana)
    prove(client, ana, method="code", reauthenticated=None)
    client.post("/account/password/set/", {"password1": NEW, "password2": NEW})
    ana.refresh_from_db()
    assert ana.check_password(NEW)


def reset_password(_client: Client, ana: User) -> None:
    visitor = Client()
    visitor.post("/account/password/reset/", {"email": ana.email})
    (link,) = [word for word in str(mail.outbox[0].body).split() if "/password/reset/key/" in word]
    mail.outbox.clear()
    form = visitor.get(link, follow=True)
    visitor.post(form.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})


def take_a_sign_up(_client: Client, ana: User) -> None:
    """A stranger signed up with the address; its owner has a sign-in code sent."""
    EmailAddress.objects.update(verified=False)
    User.objects.filter(pk=ana.pk).update(last_login=None)
    owner = Client()
    owner.post("/account/login/code/", {"email": ana.email})
    code = mailed_code()
    mail.outbox.clear()
    owner.post("/account/login/code/confirm/", {"code": code})
    assert EmailAddress.objects.get().verified


def end_a_session(client: Client, ana: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(ana)
    url = "/account/security/"
    sections = [part["facts"] for part in client.get(url).context["sections"]]
    (sessions,) = [facts["sessions"] for facts in sections if facts and "sessions" in facts]
    client.post(f"{url}sessions/end/", {"session": sessions[1].id})
    assert WebSession.objects.filter(user=ana).count() == 1


def end_the_others(client: Client, ana: User) -> None:
    Client().force_login(ana)
    client.post("/account/security/sessions/end-others/")


def set_by_the_bank(_client: Client, ana: User) -> None:
    root = Client()
    root.force_login(User.objects.create_superuser("root@example.com", name="Root"))
    url = f"/admin/accounts/user/{ana.pk}/password/"
    form = {"password1": NEW, "password2": NEW, "usable_password": "true", "reason": "Asked"}
    assert root.post(url, form).status_code == 302, text_of(root.get(url))


def reopened(_client: Client, ana: User) -> None:
    services.deactivate_user(user=ana)
    mail.outbox.clear()
    services.reactivate_user(user=ana)


def make_a_token(client: Client, ana: User) -> None:
    form = {"name": "Budget", "scopes": ["read"], "days": "90"}
    client.post("/account/security/tokens/new/", form)
    assert ana.api_tokens.count() == 1


def with_token(name: str) -> Do:
    def press(client: Client, ana: User) -> None:
        token = issue(ana).row
        mail.outbox.clear()
        client.post(reverse(name), {"token": token.prefix})
        assert not ana.api_tokens.live().exists()

    return press


CHANGES: dict[str, Do] = {
    "security:make_token": make_a_token,
    "security:revoke_token": with_token("security:revoke_token"),
    "security:revoke_tokens": with_token("security:revoke_tokens"),
    "account_email add": add_address,
    "account_email remove": with_second_address("action_remove"),
    "account_email primary": with_second_address("action_primary"),
    "account_reset_password_from_key": reset_password,
    "account_confirm_login_code sign_up_taken": take_a_sign_up,
    "mfa_activate_totp": add_an_app,
    "mfa_add_webauthn": add_a_passkey,
    "mfa_authenticate recovery code": use_a_recovery_code,
    "mfa_deactivate_totp": with_app("/account/2fa/totp/deactivate/"),
    "security:recovery_codes": with_app("/account/2fa/recovery-codes/"),
    "security:change_password": change_password,
    "security:choose_password": choose_password,
    "security:drop_password": drop_the_password,
    "security:end_other_sessions": end_the_others,
    "security:end_session": end_a_session,
    "security:remove_passkey": remove_a_passkey,
    "transactions:leave": lambda _client, ana: void(leave(person=ana)),
    "admin:password": set_by_the_bank,
    "access.change_email": lambda _client, ana: void(
        services.change_email(user=User.objects.get(pk=ana.pk), email="other@example.com")
    ),
    "access.deactivate_user": lambda _client, ana: void(services.deactivate_user(user=ana)),
    "access.reactivate_user": reopened,
    "access.set_sign_in": lambda _client, ana: void(
        services.set_sign_in(user=ana, is_open=False)
    ),
    "access.sign_out_everywhere": lambda _client, ana: void(
        services.sign_out_everywhere(user=ana)
    ),
    "removal.remove_second_factors": lambda _client, ana: void(
        add_app(ana), removal.remove_second_factors(user=ana)
    ),
}  # fmt: skip
# Told elsewhere, or nothing changes.
NOT_HERE = {
    "access.close_sign_in": "transactions:leave",
    "access.revoke_tokens": "security:revoke_tokens",
    "access.sign_everybody_out": "the bank says why in its own words",
    "removal.remove_password": "security:drop_password",
    "removal.remove_passkey": "security:remove_passkey",
    "mfa_remove_webauthn": "security:remove_passkey",
    "account_change_password": "security:change_password",
    "account_set_password": "security:choose_password",
    "account_email_verification_sent": "security:confirm_address",
    "security:confirm_address": "account_email add; a sign-up gets its code by mail",
    "account_confirm_login_code": "signs in: a new device is told",
    "account_login": "signs in: a new device is told",
    "account_request_login_code": "sends the code itself",
    "account_reset_password": "sends the link itself",
    "account_signup": "sends the code itself",
    "account_signup_by_passkey": "sends the code itself",
    "mfa_signup_webauthn": "the passkey is the sign-up's own",
    "mfa_authenticate": "signs in: a new device is told",
    "mfa_login_webauthn": "security:sign_in_by_passkey",
    "security:sign_in_by_passkey": "signs in: a new device is told",
    "openid_connect_login": "leads to the provider",
    "openid_connect_callback": "signs in; connecting is told: tests of the providers",
    "socialaccount_connections": "disconnecting is told: tests of the providers",
    "mfa_edit_webauthn": "renames a passkey: who may sign in stays as it is",
    "account_logout": "ends this session alone, by its person",
    "account_reauthenticate": "changes nothing",
    "mfa_reauthenticate": "changes nothing",
    "mfa_reauthenticate_webauthn": "changes nothing",
    "security:step_up_by_passkey": "changes nothing",
    "prove_at_provider": "changes nothing",
    "transactions:data": "a download",
    "security:addresses": "account_email, whose name leads there",
    "security:choose_name": "asked of who has none; signs nobody in",
}
ONLY_SHOW = {
    "account_inactive", "account_reset_password_done", "account_reset_password_from_key_done",
    "mfa_index", "mfa_list_webauthn",
    "security:factors", "security:page", "security:passkeys", "socialaccount_login_cancelled",
    "socialaccount_login_error", "socialaccount_signup",
}  # fmt: skip
# The kinds of `credential.changed` in the security log, and the change above that has each.
KINDS = {
    "password": "security:change_password",
    "password_reset": "account_reset_password_from_key",
    "sign_up_taken": "account_confirm_login_code sign_up_taken",
    "main_address": "account_email primary",
    "further": "account_email add",
}


def void(*_results: object) -> None:
    """For lambdas: a change returns nothing."""


@pytest.mark.parametrize("name", CHANGES)
def test_the_change_is_told_by_mail(client: Client, ana: User, name: str) -> None:
    client.force_login(ana)
    mail.outbox.clear()
    CHANGES[name](client, ana)
    assert mail.outbox, f"{name}: nobody was told"
    assert {"ana@example.com"} <= {to for told in mail.outbox for to in told.to}
    assert all(told.subject.strip() and "\n" not in told.subject for told in mail.outbox)


@pytest.mark.parametrize(
    "name",
    ["account_email add", "mfa_activate_totp", "mfa_add_webauthn", "security:recovery_codes"],
)
def test_the_mail_about_a_new_way_in_says_that_a_new_password_does_not_close_it(
    client: Client, ana: User, name: str
) -> None:
    client.force_login(ana)
    mail.outbox.clear()
    CHANGES[name](client, ana)
    remedies = [told.body.partition("If it was not you, ")[2] for told in mail.outbox]
    (remedy,) = filter(None, remedies)
    assert "immediately: a new password is not enough" in remedy
    assert "on the page Security" in remedy


@pytest.mark.parametrize("name", ["access.sign_out_everywhere", "security:end_other_sessions"])
def test_so_many_mails_of_a_kind_leave_in_an_hour(
    client: Client, ana: User, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "NOTICES", Limit("notices_of_a_kind", 2, HOUR))
    mail.outbox.clear()
    for _ in range(4):
        client.force_login(ana)
        CHANGES[name](client, ana)
    assert [told.to for told in mail.outbox] == [[ana.email]] * 2
    ben: User = UserFactory(email="ben@example.com")
    Client().force_login(ben)
    services.sign_out_everywhere(user=ben)
    services.set_sign_in(user=ana, is_open=False)
    assert [told.to for told in mail.outbox[2:]] == [[ben.email], [ana.email]]


def test_mails_that_did_not_leave_use_up_no_limit(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "NOTICES", Limit("notices_of_a_kind", 1, HOUR))
    mail.outbox.clear()
    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", Mock(side_effect=MailNotSent))
        for _ in range(2):
            notices.notify(ana, notices.SIGNED_OUT)
    for _ in range(2):
        notices.notify(ana, notices.SIGNED_OUT)
    assert [told.to for told in mail.outbox] == [[ana.email]]


def test_a_mail_leaves_while_the_database_cannot_count_it(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "passes", Mock(side_effect=OperationalError))
    mail.outbox.clear()
    notices.notify(ana, notices.SIGNED_OUT)
    assert [told.to for told in mail.outbox] == [[ana.email]]


def test_the_mails_of_the_bank_greet_by_name_and_are_signed(ana: User) -> None:
    services.set_sign_in(user=ana, is_open=False)
    body = mail.outbox[0].body
    assert body.startswith(f"Hello {ana.name},\n\nThe bank has closed")
    assert body.rstrip().endswith("\n\nLedger")


def _public_functions(module: ModuleType) -> set[str]:
    short = module.__name__.rpartition(".")[2]
    return {
        f"{short}.{name}"
        for name, found in inspect.getmembers(module, inspect.isfunction)
        if found.__module__ == module.__name__ and not name.startswith("_")
    }


def test_every_change_is_listed() -> None:
    listed = {name.split()[0] for name in CHANGES} | set(NOT_HERE) | ONLY_SHOW
    pages = {found.name for found in patterns() if found.route.startswith("account/")}
    functions = _public_functions(access) | _public_functions(removal)
    assert pages | functions <= listed, "list it in this file, with a way to do it"
    assert listed <= pages | functions | {"admin:password"}, "listed here, and gone"


def test_every_kind_of_change_in_the_security_log_is_listed() -> None:
    found = set()
    for path, text in tracked_files(".py"):
        if path.startswith("tests/") or "credential.changed" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and "credential.changed" in map(_constant, node.args):
                found |= {_constant(fact.value) for fact in node.keywords if fact.arg == "kind"}
    assert found == set(KINDS)
    assert set(KINDS.values()) <= set(CHANGES)


def _constant(node: ast.expr) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def test_a_sign_in_that_was_closed_already_is_told_once(ana: User) -> None:
    for _ in range(2):
        services.set_sign_in(user=ana, is_open=False)
    assert [told.subject for told in mail.outbox] == ["Your sign-in was closed"]
