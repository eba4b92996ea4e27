"""Fields and limits that the models of both apps share.

Note [Hashes that the worker may not read]: a link for a new password is signed with SECRET_KEY,
which the worker has, and with the hash of the old one. So its role has no right to that column of
`users` (accounts/tables.py), and reads a hash that no password has, so that its jobs load
people as everybody does.
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models
from django.db.models import Q

# timestamptz holds infinity, which no book should.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def times_finite(*names: str) -> Q:
    """The condition that each column is NULL, or from EARLIEST up to but excluding LATEST."""
    condition = Q()
    for name in names:
        condition &= Q(**{f"{name}__isnull": True}) | Q(
            **{f"{name}__gte": EARLIEST, f"{name}__lt": LATEST}
        )
    return condition


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """An amount of money: `numeric(19,4)`, a Decimal in Python."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 19, "decimal_places": 4, **kwargs})


class PasswordHashField(models.CharField):  # type: ignore[type-arg]
    """The hash of a password. See Note [Hashes that the worker may not read]."""

    def deconstruct(self) -> Any:
        """As the field of Django's that it is in the database."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        """The column, or a value that no password has."""
        is_web = settings.LEDGER_ROLE == "web"
        if is_web or compiler.connection.login != settings.LEDGER_WORKER_ROLE:
            return super().select_format(compiler, sql, params)
        return f"'{UNUSABLE_PASSWORD_PREFIX}'", ()
