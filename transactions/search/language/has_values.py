"""The values of `has:` that are not metadata keys. For example, `has:note` finds the payments to
which the reader has added a note.

An app registers its values in its module `search_terms`. The help text and the suggestions list all
values.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from accounts.models import User

# A function that takes the reader and returns a subquery with the ids of the transactions that the
# value finds.
Find = Callable[[User], QuerySet[Any, Any]]
HAS_VALUES: dict[str, Find] = {}  # The keys are in the order of the installed apps


def register(value: str, find: Find) -> None:
    """Registers a value of `has:`, such as "note". `find` returns a subquery with the ids of the
    transactions that the value finds.
    """
    HAS_VALUES[value] = find


def has_finds() -> str:
    """Returns the help text of the field `has:`."""
    *values, last = HAS_VALUES
    return f"a metadata key, or a {', '.join(values)} or {last} of yours"
