"""Parameters of addresses, as the schema tells them."""

from collections.abc import Sequence

from drf_spectacular.utils import OpenApiParameter

from api.paging import MOST, USUAL


def query(
    name: str, what: str, format: str = "", *, choices: Sequence[str] = ()
) -> OpenApiParameter:
    """A parameter behind the question mark: text, or "date", "date-time"."""
    schema: dict[str, object] = {"type": "string"}
    if format:
        schema["format"] = format
    return OpenApiParameter(
        name, schema, OpenApiParameter.QUERY, description=what, enum=list(choices) or None
    )


def expand(names: Sequence[str]) -> OpenApiParameter:
    """`expand=`, with what it may name."""
    return OpenApiParameter(
        "expand",
        {"type": "array", "items": {"type": "string", "enum": list(names)}},
        OpenApiParameter.QUERY,
        description="Writes these out in place of their ids.",
        style="form",
        explode=False,
    )


LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    OpenApiParameter.QUERY,
    description="Rows of a page.",
)
CURSOR = query("cursor", "Where the page begins; take it from next.")
FIELDS = query("fields", "Only these fields of each row, with commas between them.")


def _key(what: str) -> OpenApiParameter:
    return OpenApiParameter(
        "Idempotency-Key",
        {"type": "string", "minLength": 1, "maxLength": 255},
        OpenApiParameter.HEADER,
        description=what,
    )


KEY = _key(
    "Sent again with the same key, the payment is made once and answered the same. The id of the"
    " transaction follows from the key and the caller; it is not the key."
)
KEY_OF_ACCOUNT = _key("Sent again with the same key, one account is opened.")
KEY_OF_ORDER = _key("Sent again with the same key, one standing order is set up.")
