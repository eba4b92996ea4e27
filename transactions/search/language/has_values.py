"""The values of `has:` beside metadata keys: what a reader has added to a payment.

An app registers its own in its module `search_terms`. The help and the suggestions name them all.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from accounts.models import User

# Returns the ids of the transactions to which this reader has added it, as a subquery.
Find = Callable[[User], QuerySet[Any, Any]]
HAS_VALUES: dict[str, Find] = {}  # in the order of the installed apps


def register(value: str, find: Find) -> None:
    """Lets `has:` take this value: a word for what the reader has added, such as "note"."""
    HAS_VALUES[value] = find


def has_finds() -> str:
    """What the help says of `has:`."""
    *values, last = HAS_VALUES
    return f"a metadata key, or a {', '.join(values)} or {last} of yours"
