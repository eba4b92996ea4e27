"""The files of a statement that its page offers."""

from django import template

from ledger.web.table_files import TYPES
from transactions.statement_files.files import LABELS

register = template.Library()


@register.simple_tag
def statement_file_kinds() -> list[tuple[str, str]]:
    """Ending and label of each format but those of every table, the one for people first."""
    return [(kind, label) for kind, label in LABELS.items() if kind not in TYPES]
