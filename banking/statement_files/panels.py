"""Monthly statements and files of the formats of banks, on the page of a statement."""

from collections.abc import Mapping
from typing import Any

from accounts.requests import PersonRequest
from banking.statement_files.files import LABELS
from ledger.web.panels import register
from ledger.web.table_files import TYPES


@register("statement_actions", "statement_files/_monthly.html")
def monthly(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """A link."""
    return {}


@register("statement_files", "statement_files/_kinds.html")
def kinds(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Ending and label of each format but those of every table, the one for people first."""
    return {"kinds": [(kind, label) for kind, label in LABELS.items() if kind not in TYPES]}
