"""Removing factors: never the last way in, but all of them for somebody who has lost them."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.db import transaction as db_transaction
from django.test import Client

from accounts.exceptions import LastWayIn
from accounts.models import User, WebSession
from accounts.sign_in import sessions
from accounts.sign_in.factors import factors_of
from accounts.sign_in.removal import remove_passkey, remove_password, remove_second_factors
from tests.factories import PASSWORD, UserFactory
from tests.ledger.processes import wait_until
from tests.pages import text_of
from tests.passkeys import add_passkey
from tests.sign_in import add_app, add_recovery_codes


@pytest.mark.django_db
def test_recovery_codes_stay_while_another_second_factor_stays() -> None:
    user = UserFactory(password=PASSWORD)
    passkey = add_passkey(user).row
    add_app(user)
    add_recovery_codes(user)
    remove_passkey(passkey=passkey)
    assert factors_of(user).recovery_codes == 3


@pytest.mark.django_db
def test_a_passkey_that_needs_the_password_does_not_replace_it() -> None:
    user = UserFactory(password=PASSWORD)
    row = add_passkey(user).row
    row.data["credential"]["clientExtensionResults"] = {}
    row.save()
    with pytest.raises(LastWayIn):
        remove_password(user=user)


@pytest.mark.django_db(transaction=True)
def test_a_removal_sees_what_another_one_left() -> None:
    """The password is removed while the transaction that removes the passkey is not yet over."""
    user = UserFactory(password="seven-quiet-harbours")
    passkey = add_passkey(user).row

    def attempt() -> bool:
        try:
            remove_password(user=user)
        except LastWayIn:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(1) as threads:
        with db_transaction.atomic():
            User.objects.select_for_update(no_key=True).get(pk=user.pk)
            passkey.delete()
            job = threads.submit(attempt)
            wait_until(somebody_waits_for_a_lock)
        assert job.result() is False
    assert factors_of(User.objects.get(pk=user.pk)).has_password


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # kept for the whole transaction
        cursor.execute(
            "SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.rowcount)


@pytest.mark.django_db(transaction=True)
def test_the_command_removes_every_second_factor_and_tells_the_person() -> None:
    user, other = UserFactory(password=PASSWORD), UserFactory()
    for person in (user, other):
        add_app(person)
        add_passkey(person)
    said = StringIO()
    call_command("remove_second_factors", user.email.upper(), stdout=said)

    assert f"Removed 2 factors of {user}" in said.getvalue()
    assert not factors_of(user).has_second
    assert Authenticator.objects.filter(user=other).count() == 2
    (told,) = mail.outbox
    assert told.to == [user.email]
    assert "all passkeys and the authenticator app" in told.body
    assert "recovery codes" not in told.body  # there were none
    assert "fewer than 15 characters" in told.body
    user.refresh_from_db()
    assert not user.has_usable_password()  # it was too short to protect the sign-in alone


@pytest.mark.django_db(transaction=True)
def test_the_command_leaves_somebody_without_a_second_factor_alone(client: Client) -> None:
    user = UserFactory(password=PASSWORD)
    client.force_login(user)
    said = StringIO()
    call_command("remove_second_factors", user.email, stdout=said)

    assert "Nothing was changed" in said.getvalue()
    assert mail.outbox == []
    user.refresh_from_db()
    assert user.check_password(PASSWORD)  # short passwords stay valid until they are changed
    assert client.get("/account/security/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_command_signs_out_whoever_has_the_lost_device(client: Client) -> None:
    user = UserFactory(password="seven-quiet-harbours")
    add_app(user)
    client.force_login(user)
    call_command("remove_second_factors", user.email, stdout=StringIO())

    page = client.get("/account/security/", follow=True)
    assert "removed your second factors and signed you out" in text_of(page)
    assert "You now sign in with only your password" in mail.outbox[0].body


@pytest.mark.django_db
def test_the_command_says_that_nobody_has_the_address() -> None:
    with pytest.raises(CommandError, match="Nobody"):
        call_command("remove_second_factors", "nobody@example.com")


@pytest.mark.django_db(transaction=True)
def test_a_removal_that_cannot_end_the_sessions_removes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that the command, run again, finds the factors and ends the sessions."""

    def stop(*_: object) -> None:
        raise SystemExit

    user = UserFactory(password=PASSWORD)
    add_app(user)
    with monkeypatch.context() as killed:
        killed.setattr(sessions, "end_all", stop)
        with pytest.raises(SystemExit):
            remove_second_factors(user=user)
    assert factors_of(user).has_second
    Client().force_login(user)
    assert remove_second_factors(user=user) == 1
    assert not WebSession.objects.filter(user=user).exists()
