"""Pages of allauth beside the bank, which removes what they have read: it stays removed."""

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import models
from django.db import transaction as db_transaction
from django.urls import resolve, reverse

from accounts.exceptions import SignInChanged
from accounts.models import User
from accounts.security.locked_view import LockedView
from accounts.sign_in import access, sessions
from tests.attacks.sessions import PASSWORD, person
from tests.attacks.waiting import after_waiting_for
from tests.conftest import signed_in
from tests.passkeys import add_passkey
from tests.sign_in import code_of, prove, prove_factor

NEW = "new@example.com"
SHORT = "vim quokka 7"
ROWS: dict[str, Callable[[User], models.Model]] = {
    "address": lambda user: EmailAddress.objects.create(user=user, email="further@example.com"),
    "factor": lambda user: Authenticator.objects.create(user=user, type="totp", data={}),
    "provider": lambda user: SocialAccount.objects.create(user=user, provider="oidc", uid="1"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ROWS)
def test_a_row_that_was_removed_is_not_saved_again(kind: str) -> None:
    row = ROWS[kind](person())
    row.save()
    type(row)._default_manager.filter(pk=row.pk).delete()
    with pytest.raises(SignInChanged), db_transaction.atomic():
        row.save()
    assert not type(row)._default_manager.filter(pk=row.pk).exists()


def lock_and_remove_factors(user: User) -> None:
    User.objects.locked([user.pk]).get()
    Authenticator.objects.filter(user=user).delete()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", ["action_primary", "action_remove"])
def test_an_address_that_the_bank_replaces_does_not_come_back(action: str) -> None:
    user = person()
    further = EmailAddress.objects.create(user=user, email="further@example.com", verified=True)
    client = signed_in(user)
    prove(client, user)
    sent = {"email": further.email, action: ""}

    def ask() -> int:
        return int(client.post("/account/email/", sent).status_code)

    bank = User.objects.get(pk=user.pk)
    after_waiting_for(lambda: access.change_email(user=bank, email=NEW), ask)
    user.refresh_from_db()
    assert user.email == NEW
    rows = EmailAddress.objects.filter(user=user).values_list("email", "primary", "verified")
    assert list(rows) == [(NEW, True, False)]


@pytest.mark.django_db(transaction=True)
def test_a_replaced_address_is_not_added_again_by_opening_the_page() -> None:
    user = person()
    client = signed_in(user)
    EmailAddress.objects.filter(user=user).delete()
    bank = User.objects.get(pk=user.pk)

    def change() -> None:
        access.change_email(user=bank, email=NEW)
        EmailAddress.objects.filter(user=user).delete()

    after_waiting_for(change, lambda: client.get("/account/email/"))
    assert not EmailAddress.objects.filter(user=user).exists()


@pytest.mark.django_db(transaction=True)
def test_a_passkey_that_the_bank_removes_does_not_come_back_by_its_new_name() -> None:
    user = person()
    passkey = add_passkey(user).row
    client = signed_in(user)
    prove_factor(client, passkey)
    url = reverse("mfa_edit_webauthn", args=[passkey.pk])
    after_waiting_for(
        lambda: lock_and_remove_factors(user), lambda: client.post(url, {"name": "A"})
    )
    assert not Authenticator.objects.filter(user=user).exists()


@pytest.mark.django_db(transaction=True)
def test_a_session_that_ends_at_that_moment_adds_no_factor() -> None:
    user = person()
    client = signed_in(user)
    prove(client, user)
    url = "/account/2fa/totp/activate/"
    code = code_of(client.get(url).context["form"].secret)
    answer = after_waiting_for(
        lambda: sessions.end_all(user, "by_staff"), lambda: client.post(url, {"code": code})
    )
    assert answer.status_code >= 400
    assert not Authenticator.objects.filter(user=user).exists()


@pytest.mark.django_db(transaction=True)
def test_a_password_that_is_too_short_alone_does_not_count_once_the_last_factor_is_gone() -> None:
    user = person()
    passkey = add_passkey(user).row
    client = signed_in(user)
    prove_factor(client, passkey)
    sent = {"oldpassword": PASSWORD, "password1": SHORT, "password2": SHORT}
    answer = after_waiting_for(
        lambda: lock_and_remove_factors(user),
        lambda: client.post("/account/password/change/", sent),
    )
    assert answer.status_code == 409
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize(
    "name", ["mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn", "mfa_edit_webauthn",
             "socialaccount_connections"],
)  # fmt: skip
def test_changes_of_factors_are_locked(name: str) -> None:
    arguments = [1] if name == "mfa_edit_webauthn" else []
    assert isinstance(resolve(reverse(name, args=arguments)).func, LockedView)


@pytest.mark.django_db(transaction=True)
def test_a_mail_about_a_new_address_leaves_after_the_change(mailoutbox: list[object]) -> None:
    user = person()
    further = EmailAddress.objects.create(user=user, email="further@example.com", verified=True)
    client = signed_in(user)
    prove(client, user)
    client.post("/account/email/", {"email": further.email, "action_primary": ""})
    user.refresh_from_db()
    assert user.email == further.email
    assert len(mailoutbox) == 1
