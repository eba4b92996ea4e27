"""Protects rows of allauth: deleted rows stay deleted, and an ended session cannot connect a
provider.
"""

from functools import wraps
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import DatabaseError, models
from django.db import transaction as db_transaction

from accounts.exceptions import SignInChanged
from accounts.models import User
from ledger.db.retry import sqlstate

GONE = "This was removed in the meantime, perhaps on another device. Open the page again."


def insert_only_new_rows() -> None:
    """Changes `save()` of some models of allauth. If an instance was read from the database,
    `save()` then only updates its row and never inserts the row again.

    Otherwise an address or a passkey that the bank has removed would work again: Django inserts a
    row if the UPDATE finds no row, and allauth saves rows that it read much earlier.
    """
    models_of_allauth: tuple[type[models.Model], ...] = (EmailAddress, Authenticator, SocialAccount)
    for model in models_of_allauth:
        model.save_base = _updating_read_rows(model.save_base)  # type: ignore[method-assign]


def lock_connections() -> None:
    """Makes allauth lock the user with `lock_active` before it connects a provider. Otherwise a
    provider could be connected although the sign-in was closed during the long request to the
    provider.
    """
    SocialAccount.save_base = _behind_the_lock(SocialAccount.save_base)


def _behind_the_lock(save_base: Any) -> Any:
    @wraps(save_base)
    def save(row: SocialAccount, *arguments: Any, **options: Any) -> None:
        if not row._state.adding:
            save_base(row, *arguments, **options)
            return
        with db_transaction.atomic():
            User.objects.lock_active(row.user_id)
            save_base(row, *arguments, **options)

    return save


def _updating_read_rows(save_base: Any) -> Any:
    @wraps(save_base)
    def save(
        row: models.Model,
        raw: bool = False,
        force_insert: Any = False,
        force_update: bool = False,
        **options: Any,
    ) -> None:
        """Saves the row.

        Raises: SignInChanged if the row was read earlier and has been deleted since.
        """
        was_read = not (raw or force_insert or row._state.adding or row.pk is None)
        try:
            save_base(row, raw, force_insert, force_update or was_read, **options)
        except DatabaseError as error:
            if was_read and sqlstate(error) is None and error.__cause__ is None:
                raise SignInChanged(GONE) from error  # raised by Django, because no row was updated
            raise

    return save
