"""The category that reports group by."""

from typing import Any

from django.db.models import TextField, Value
from django.db.models.functions import Lower, NullIf


def category_at(path: str = "") -> Any:
    """The category in lower case, as the search and its facets compare it; NULL if empty. `path`
    leads from the rows to the transaction or entry that has it.
    """
    return NullIf(Lower(f"{path}category"), Value("", TextField()))


CATEGORY = category_at()
