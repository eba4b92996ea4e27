"""Reads of users and accounts."""

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

if TYPE_CHECKING:
    from accounts.models import User


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> Self:
        """People who may sign in: not deleted."""
        return self.filter(deleted_at=None)


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Makes people. An e-mail address is stored in lower case, see `user_email_lowercase`."""

    use_in_migrations = False

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """A new person, who can sign in once there is a password. ValueError without e-mail."""
        if not email:
            raise ValueError("A user needs an e-mail address; it is the sign-in name.")
        user: User = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        """A person with every permission, for `manage.py createsuperuser`."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        """The person who signs in with this address, whatever case they typed."""
        user: User = self.get(email=(email or "").lower())
        return user


def _any_of(field: str, ids: Iterable[uuid.UUID]) -> models.Func:
    """The condition `field = ANY (ids)`."""
    array = models.Value(list(ids), ArrayField(models.UUIDField()))
    return models.Func(
        models.F(field),
        array,
        template="%(expressions)s)",
        arg_joiner=" = ANY (",
        output_field=models.BooleanField(),
    )


# The models import this module, a circle that django-stubs cannot follow: name-defined.
class AccountQuerySet(models.QuerySet["Account"]):  # type: ignore[name-defined]
    def locked(self, ids: Iterable[uuid.UUID], *, skip_locked: bool = False) -> Self:
        """These accounts, locked for a change of balance until the transaction ends.

        Note [Lock ordering]: every writer locks its accounts here, in one query, in
        order of id. Two opposite transfers then wait for each other and cannot
        deadlock. NO KEY UPDATE lets foreign keys to the row be checked meanwhile.
        Decide only on what this query returned. The ids are one array, so that the SQL is the
        same for two accounts and for ten thousand.
        """
        return (
            self.filter(_any_of("pk", ids))
            .order_by("pk")
            .select_for_update(no_key=True, skip_locked=skip_locked)
        )

    def owned_by(self, user: "User") -> Self:
        """The accounts of one person, oldest first."""
        return self.filter(user=user).order_by("created_at", "pk")

    def usual_currency(self, user: "User") -> str | None:
        """The currency of most of a person's accounts, None for somebody without any."""
        counted = self.filter(user=user).values("currency").annotate(many=models.Count("pk"))
        first = counted.order_by("-many", "currency").first()
        return first["currency"] if first else None

    def not_closed(self) -> Self:
        """Accounts that still hold or take money."""
        return self.exclude(status="closed")
