"""The secrets of second factors are encrypted, and survive a change of the secret key."""

import json
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from accounts.sign_in.encryption import decrypt, encrypt
from accounts.sign_in.recovery_codes import make_recovery_codes
from tests.factories import UserFactory
from tests.sign_in import SECRET, add_app

OLD, NEW = "o" * 40 + "0123456789", "n" * 40 + "0123456789"


@pytest.mark.django_db
def test_the_rows_do_not_contain_the_secrets() -> None:
    user = UserFactory()
    app, codes = add_app(user), make_recovery_codes(user=user)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator ORDER BY id")
        rows = [data for (data,) in cursor.fetchall()]

    assert len(rows) == 2
    assert SECRET not in rows[0]
    assert decrypt(json.loads(rows[0])["secret"]) == SECRET
    assert app.data["secret"] != SECRET
    stored = rows[1].upper()
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


def test_the_same_secret_is_encrypted_differently_each_time() -> None:
    assert encrypt(SECRET) != encrypt(SECRET)


def test_an_earlier_secret_key_still_decrypts() -> None:
    with override_settings(SECRET_KEY=OLD, SECRET_KEY_FALLBACKS=[]):
        encrypted = encrypt(SECRET)
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        assert decrypt(encrypted) == SECRET
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[]), pytest.raises(InvalidToken):
        decrypt(encrypted)


@pytest.mark.django_db
def test_the_command_encrypts_every_secret_with_the_new_key() -> None:
    user = UserFactory()
    with override_settings(SECRET_KEY=OLD, SECRET_KEY_FALLBACKS=[]):
        add_app(user)
        Authenticator.objects.create(
            user=user, type="recovery_codes", data={"codes": [], "old_codes": [encrypt("hash")]}
        )
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        call_command("reencrypt_factors", stdout=StringIO())
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[]):
        app, codes = Authenticator.objects.filter(user=user).order_by("pk")
        assert decrypt(app.data["secret"]) == SECRET
        assert [decrypt(one) for one in codes.data["old_codes"]] == ["hash"]


@pytest.mark.django_db
def test_the_command_changes_nothing_without_the_old_key() -> None:
    with override_settings(SECRET_KEY=OLD, SECRET_KEY_FALLBACKS=[]):
        before = add_app(UserFactory()).data
    keys = override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[])
    with keys, pytest.raises(CommandError, match="SECRET_KEY"):
        call_command("reencrypt_factors", stdout=StringIO())
    assert Authenticator.objects.get().data == before


@pytest.mark.django_db
@pytest.mark.parametrize("part", [1, 100])
def test_a_secret_of_an_unknown_key_is_named_and_the_others_are_encrypted(
    monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr("ledger.db.locking.parts.PART", part)
    with override_settings(SECRET_KEY="u" * 50, SECRET_KEY_FALLBACKS=[]):
        unknown = add_app(UserFactory())
    with override_settings(SECRET_KEY=OLD, SECRET_KEY_FALLBACKS=[]):
        first, second = add_app(UserFactory()), add_app(UserFactory())
    before = unknown.data
    keys = override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD])
    with keys, pytest.raises(CommandError) as refusal:
        call_command("reencrypt_factors", stdout=StringIO())

    assert str(unknown.user_id) in str(refusal.value)
    assert str(first.user_id) not in str(refusal.value)
    unknown.refresh_from_db()
    assert unknown.data == before
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[]):
        for factor in (first, second):
            factor.refresh_from_db()
            assert decrypt(factor.data["secret"]) == SECRET
        unknown.delete()
        call_command("reencrypt_factors", stdout=StringIO())
