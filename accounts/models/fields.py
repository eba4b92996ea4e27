"""Fields and limits of times that several apps use in their models.

Note [Hashes that the worker may not read]: the link for a new password is signed with SECRET_KEY
and with the hash of the old password. The worker has SECRET_KEY, so the worker must not read the
hash. Therefore its role has no right to that column of `users` (accounts/tables.py). When the
worker loads a user, the user has an unusable hash.
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models
from django.db.models import Q

# A timestamptz column can contain infinity, which is not a valid time for a ledger.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def times_finite(*names: str) -> Q:
    """Returns the condition that the time in each column is valid: NULL, or at least EARLIEST and
    less than LATEST.
    """
    condition = Q()
    for name in names:
        condition &= Q(**{f"{name}__isnull": True}) | Q(
            **{f"{name}__gte": EARLIEST, f"{name}__lt": LATEST}
        )
    return condition


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """A field for an amount of money: `numeric(19,4)` in the database, Decimal in Python."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 19, "decimal_places": 4, **kwargs})


class PasswordHashField(models.CharField):  # type: ignore[type-arg]
    """A field for the hash of a password. See Note [Hashes that the worker may not read]."""

    def deconstruct(self) -> Any:
        """Returns the field for migrations: a CharField of Django, which has the same database
        column.
        """
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        """Returns the SQL of the column. For the worker, returns an unusable hash instead."""
        is_web = settings.LEDGER_ROLE == "web"
        if is_web or compiler.connection.login != settings.LEDGER_WORKER_ROLE:
            return super().select_format(compiler, sql, params)
        return f"'{UNUSABLE_PASSWORD_PREFIX}'", ()
