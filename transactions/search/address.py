"""Where the search page stands: its address is its whole state."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from transactions.scope import MINE


def search_url(q: str, whose: str = MINE, **more: Any) -> str:
    """The search page with the query `q`, over the rows that `whose` says as `Reach.whose` does.

    `more` are its order, its page and the like. What is empty or goes without saying is left out.
    """
    params = {"q": q, "whose": "" if whose == MINE else whose, **more}
    said = {name: value for name, value in params.items() if value}
    return f"{reverse('transactions:search')}?{urlencode(said, safe=':')}"
