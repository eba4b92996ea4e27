"""Links to monthly statements and to files in formats of banks, on the page of a statement."""

from collections.abc import Mapping
from typing import Any

from accounts.requests import PersonRequest
from banking.statement_files.files import LABELS
from ledger.web.panels import register
from ledger.web.table_files import TYPES


@register("statement_actions", "statement_files/_monthly.html")
def monthly(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Adds a link."""
    return {}


@register("statement_files", "statement_files/_kinds.html")
def kinds(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Returns extension and label of each format that other tables do not have, PDF first."""
    return {"kinds": [(kind, label) for kind, label in LABELS.items() if kind not in TYPES]}
