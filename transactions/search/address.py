"""The URLs of the search page and of the page that changes categories."""

from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from transactions.scope import MINE

EVERY_PAYMENT = "is:booked or is:hold"  # a search that finds all payments


def search_url(q: str, kind: str = MINE, **more: Any) -> str:
    """Returns the URL of the search page for the query `q`. `kind` is a `Scope.kind`: MINE or BANK.

    `more` contains other URL parameters: sort, page, plans. Empty values are left out.
    """
    params = {"q": q, "whose": "" if kind == MINE else kind, **more}
    filled = {name: value for name, value in params.items() if value}
    return f"{_path()}?{urlencode(filled, safe=':')}"


def categories_url(q: str) -> str:
    """Returns the URL of the page that changes the category of all payments that `q` finds. `q`
    searches only the user's own money.
    """
    return f"{reverse('transactions:categories')}?{urlencode({'q': q}, safe=':')}"


@cache
def _path() -> str:
    return reverse("transactions:search")
