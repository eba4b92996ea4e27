"""The secrets of second factors are encrypted, and survive a change of the secret key."""

import json
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from cryptography.fernet import InvalidToken
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from accounts.sign_in.encryption import decrypt, encrypt
from tests.factories import UserFactory
from tests.sign_in import SECRET, add_app

OLD, NEW = "o" * 40 + "0123456789", "n" * 40 + "0123456789"


@pytest.mark.django_db
def test_the_rows_do_not_contain_the_secrets() -> None:
    user = UserFactory()
    app, codes = add_app(user), RecoveryCodes.activate(user)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator ORDER BY id")
        rows = [data for (data,) in cursor.fetchall()]

    stored = Authenticator.objects.get(pk=codes.instance.pk).data["seed"]
    seed = decrypt(stored)
    assert len(rows) == 2
    assert SECRET not in rows[0]
    assert decrypt(json.loads(rows[0])["secret"]) == SECRET
    assert app.data["secret"] != SECRET
    assert seed not in rows[1]
    assert not any(code in rows[1] for code in codes.generate_codes())


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
        codes = RecoveryCodes.activate(user).generate_codes()
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        call_command("reencrypt_factors", stdout=StringIO())
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[]):
        app, seed = Authenticator.objects.filter(user=user).order_by("pk")
        assert decrypt(app.data["secret"]) == SECRET
        assert seed.wrap().generate_codes() == codes


@pytest.mark.django_db
def test_the_command_changes_nothing_without_the_old_key() -> None:
    with override_settings(SECRET_KEY=OLD, SECRET_KEY_FALLBACKS=[]):
        before = add_app(UserFactory()).data
    keys = override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[])
    with keys, pytest.raises(CommandError, match="SECRET_KEY"):
        call_command("reencrypt_factors", stdout=StringIO())
    assert Authenticator.objects.get().data == before
