"""The values of `has:` other than metadata keys: things that a reader has added to a payment.

An app registers its values in its module `search_terms`. The help and the suggestions list all of
them.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from accounts.models import User

# A function that returns, as a subquery, the ids of the transactions with the thing of this reader.
Find = Callable[[User], QuerySet[Any, Any]]
HAS_VALUES: dict[str, Find] = {}  # in the order of the installed apps


def register(value: str, find: Find) -> None:
    """Registers a value of `has:`: a word for something that the reader has added, such as
    "note".
    """
    HAS_VALUES[value] = find


def has_finds() -> str:
    """Returns the help text of `has:`."""
    *values, last = HAS_VALUES
    return f"a metadata key, or a {', '.join(values)} or {last} of yours"
