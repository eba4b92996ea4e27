"""The address of the search page, which holds its whole state, and of the page of categories."""

from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from transactions.scope import MINE

EVERY_PAYMENT = "is:booked or is:hold"  # a search that finds all


def search_url(q: str, kind: str = MINE, **more: Any) -> str:
    """Returns the address of a search for `q` in a scope of this kind, see `Scope.kind`.

    `more` are further parameters: sort, page, plans. Leaves out empty and default values.
    """
    params = {"q": q, "whose": "" if kind == MINE else kind, **more}
    filled = {name: value for name, value in params.items() if value}
    return f"{_path()}?{urlencode(filled, safe=':')}"


def categories_url(q: str) -> str:
    """The page that changes the category of all that a search of one's own finds."""
    return f"{reverse('transactions:categories')}?{urlencode({'q': q}, safe=':')}"


@cache
def _path() -> str:
    return reverse("transactions:search")
