"""The URLs of the search page, which contain its whole state, and of the page of categories."""

from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from transactions.scope import MINE

EVERY_PAYMENT = "is:booked or is:hold"  # a search that finds all payments


def search_url(q: str, kind: str = MINE, **more: Any) -> str:
    """Returns the URL of a search for `q` in a scope of this kind: see `Scope.kind`.

    `more` are further parameters: sort, page, plans. Empty and default values are left out.
    """
    params = {"q": q, "whose": "" if kind == MINE else kind, **more}
    filled = {name: value for name, value in params.items() if value}
    return f"{_path()}?{urlencode(filled, safe=':')}"


def categories_url(q: str) -> str:
    """Returns the URL of the page that changes the category of all results of a search in the
    user's own money.
    """
    return f"{reverse('transactions:categories')}?{urlencode({'q': q}, safe=':')}"


@cache
def _path() -> str:
    return reverse("transactions:search")
