"""Access tokens that a session makes while it ends, or while the password is changed."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from allauth.account import signals as account_signals
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, User
from accounts.sign_in import notices, sessions, token_ends
from tests.accounts.tokens import issue
from tests.attacks.sessions import person
from tests.attacks.waiting import after_waiting_for
from tests.conftest import signed_in
from tests.factories import PASSWORD, UserFactory
from tests.sign_in import prove

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "nine green boats at dawn"


def change_password(user: User) -> None:
    user.set_password(NEW)
    user.save(update_fields=["password"])


def end_all(user: User) -> None:
    sessions.end_all(user, "by_staff")


@pytest.mark.parametrize("first", [change_password, end_all])
def test_a_session_that_no_longer_counts_makes_no_token(first: Callable[[User], None]) -> None:
    user = person()
    client = signed_in(user)
    prove(client, user)
    sent = {"name": "Budget", "scopes": ["read"], "days": "90"}
    url = reverse("security:make_token")
    answer = after_waiting_for(lambda: first(user), lambda: client.post(url, sent))
    assert answer.status_code == 409
    assert not ApiToken.objects.exists()


def stop(*_: Any, **_more: Any) -> None:
    raise SystemExit


def test_tokens_end_with_the_password_that_a_reset_replaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also if the process ends before it goes on to what follows a reset."""
    user = person()
    issue(user)
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    browser = Client()
    page = browser.get(reverse("account_reset_password_from_key", kwargs=key))
    monkeypatch.setattr(account_signals, "password_reset", SimpleNamespace(send=stop))
    with pytest.raises(SystemExit):
        browser.post(page.headers["Location"], {"password1": NEW, "password2": NEW})
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert not ApiToken.objects.filter(revoked_at=None).exists()


@pytest.mark.parametrize("step", [(token_ends, "revoke_all"), (notices, "notify")])
@pytest.mark.parametrize("button", ["set-password", "unset-password"])
def test_no_password_of_the_bank_counts_if_the_process_ends_before_it_ends_the_tokens(
    button: str, step: tuple[ModuleType, str], root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = UserFactory(password=PASSWORD)
    issue(user)
    usable = "true" if button == "set-password" else "false"
    form = {"usable_password": usable, "password1": NEW, "password2": NEW, "reason": "Asked"}
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    with monkeypatch.context() as patch:
        patch.setattr(*step, stop)
        with pytest.raises(SystemExit):
            root.post(url, form | {button: ""})
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert ApiToken.objects.live().count() == 1
    mail.outbox.clear()  # of the new token
    assert root.post(url, form | {button: ""}).status_code == 302
    assert not User.objects.get(pk=user.pk).check_password(PASSWORD)
    assert not ApiToken.objects.live().exists()
    assert [sent.to for sent in mail.outbox] == [[user.email]]
