"""Checks of DATABASES, which a settings module can change."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS

from ledger.checks.messages import wrong
from ledger.database_options import BREAKING, is_harmless


def check_options(**_options: Any) -> list[CheckMessage]:
    """Returns an error for each value in DATABASES with which every payment would fail.
    DATABASE_URL and DB_OPTIONS cannot contain these values, but a settings module can.
    """
    database = settings.DATABASES[DEFAULT_DB_ALIAS]
    places = (("", database), ('["OPTIONS"]', database.get("OPTIONS", {})))
    return [
        wrong(
            "database_option",
            f'DATABASES["{DEFAULT_DB_ALIAS}"]{place}["{name}"] is {value!r}. Every payment would'
            f" fail, because {reason}.",
            "Leave it out.",
        )
        for place, values in places
        for name, value in values.items()
        if (reason := BREAKING.get(name.lower())) and not is_harmless(name.lower(), str(value))
    ]
