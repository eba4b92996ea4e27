"""What a movement was for."""

from typing import Any

from django.db.models import TextField, Value
from django.db.models.functions import Lower, NullIf


def category_at(path: str = "") -> Any:
    """A category as reports group by it: whatever its case, as the search finds it, and as its
    facets say it, in small letters. An empty one says as little as none. `path` leads from the
    rows to the category."""
    return NullIf(Lower(f"{path}category"), Value("", TextField()))


CATEGORY = category_at()
