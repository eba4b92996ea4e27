"""Query parameters and header parameters for the schema."""

from collections.abc import Sequence

from drf_spectacular.utils import OpenApiParameter

from api.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE


def query(
    name: str, what: str, format: str = "", *, choices: Sequence[str] = ()
) -> OpenApiParameter:
    """Returns a query parameter for the schema. `format` is "" for text, or for example "date",
    "date-time" or "uuid".
    """
    schema: dict[str, object] = {"type": "string"}
    if format:
        schema["format"] = format
    return OpenApiParameter(
        name, schema, OpenApiParameter.QUERY, description=what, enum=list(choices) or None
    )


def expand(names: Sequence[str]) -> OpenApiParameter:
    """Returns the parameter `expand=` for the schema, with its allowed names."""
    return OpenApiParameter(
        "expand",
        {"type": "array", "items": {"type": "string", "enum": list(names)}},
        OpenApiParameter.QUERY,
        description="Returns these objects in place of their ids.",
        style="form",
        explode=False,
    )


LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    OpenApiParameter.QUERY,
    description="Rows per page.",
)
CURSOR = query("cursor", "Start of the page; take it from next.")
FIELDS = query("fields", "Only these fields of each row, separated by commas.")


def _key(what: str) -> OpenApiParameter:
    return OpenApiParameter(
        "Idempotency-Key",
        {"type": "string", "minLength": 1, "maxLength": 255},
        OpenApiParameter.HEADER,
        description=what,
    )


KEY = _key(
    "Repeated with the same key, the payment is made once and the response is the same. The id of"
    " the transaction is derived from the key and the caller; it is not the key."
)
KEY_OF_ACCOUNT = _key("Repeated with the same key, only one account is opened.")
KEY_OF_ORDER = _key("Repeated with the same key, only one order is set up.")
