"""Labels for the history: the kind of a change, the name of a value, and the program that wrote the
change.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils.dateparse import parse_datetime

from accounts.models import LIMITS, Change
from ledger.text.dates import exact
from ledger.text.money import account_number

# The tables of each kind of object. PARTS contains labels for tables with parts of an object.
SUBJECTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "account": ("Accounts", ("accounts",)),
    "person": (
        "People",
        (
            "users", "users_groups", "users_user_permissions", "account_emailaddress",
            "mfa_authenticator", "socialaccount_socialaccount", "api_tokens",
        ),
    ),
    "group": ("Groups", ("auth_group", "auth_group_permissions")),
    "currency": ("Currencies", ("currencies", "approval_thresholds")),
    "household": ("Households", ("households",)),
}  # fmt: skip
PARTS = {
    "users_groups": "group membership of",
    "users_user_permissions": "permission of",
    "auth_group_permissions": "permission of",
    "account_emailaddress": "sign-in address of",
    "mfa_authenticator": "second factor of",
    "socialaccount_socialaccount": "sign-in by a provider of",
    "api_tokens": "access token of",
    "approval_thresholds": "approval threshold of",
}
ACTIONS = {"insert": "Added", "update": "Changed", "delete": "Removed", "noted": "Noted"}
LABELS = {
    **LIMITS, "is_staff": "Staff", "is_superuser": "Superuser",
    "deleted_at": "Sign-in closed", "minor_units": "Decimals", "is_open": "Open",
    "household_id": "Household (id)", "account there": "Account at the provider",
    "primary": "Main address", "expires_at": "Expires", "revoked_at": "Revoked",
    "per_payment": "Limit per payment", "per_day": "Limit per day",
}  # fmt: skip
FACTORS = {
    Authenticator.Type.TOTP: "authenticator app",
    Authenticator.Type.WEBAUTHN: "passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}


def _plain_amount(value: str) -> str:
    return f"{Decimal(value).normalize():,f}"


ALL_OTHERS = "all other currencies"
# Functions that format a value, by the name of the value
Words = Mapping[str, Callable[[Any], Any]]
WORDS: Words = {
    "deleted_at": lambda value: exact(parse_datetime(value)),
    "number": account_number,
    "second factor": lambda value: FACTORS.get(value, value),
    **dict.fromkeys(("amount", "per_payment", "per_day"), _plain_amount),
    **dict.fromkeys(("expires_at", "revoked_at"), lambda value: exact(parse_datetime(value))),
    "currency": lambda value: ALL_OTHERS if value == "*" else value,
}


def title_of(change: Change, subject: str) -> str:
    """Returns the title of a change without the name of the object, for example "Changed account"
    or "Added second factor of".
    """
    return f"{ACTIONS[change.action]} {PARTS.get(change.table_name, subject)}"


def label_of(name: str) -> str:
    """Returns the label of a value in the history."""
    return LABELS.get(name, name.capitalize())


def writer_of(role: str, owner: str) -> str:
    """Returns a description of the program that wrote a change, by its database role. `owner` is
    the role that owns the tables.
    """
    known = {
        owner: "the owner of the tables",
        settings.LEDGER_WEB_ROLE: "the web app",
        settings.LEDGER_WORKER_ROLE: "the worker",
    }
    return known.get(role, f"the database role {role}")
