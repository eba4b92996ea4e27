"""Adds links to the page of an account statement: to monthly statements, and to files in bank
formats.
"""

from collections.abc import Mapping
from typing import Any

from accounts.requests import PersonRequest
from banking.statement_files.files import LABELS
from ledger.web.panels import register
from ledger.web.table_files import TYPES


@register("statement_actions", "statement_files/_monthly.html")
def monthly(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Adds a link to the monthly statements."""
    return {}


@register("statement_files", "statement_files/_kinds.html")
def kinds(_request: PersonRequest, _context: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the template context with the extension and the label of each file format for
    statements, such as PDF. Leaves out the formats in which every table can be downloaded.
    """
    return {"kinds": [(kind, label) for kind, label in LABELS.items() if kind not in TYPES]}
