"""A template tag with the version of Ledger, for staff pages."""

from django import template

from ledger.version import REVISION, UNKNOWN, VERSION

register = template.Library()
SHORT = 12  # number of digits, enough to identify a commit


@register.simple_tag
def ledger_version() -> str:
    """Returns the version, with the first digits of the commit if the commit is known."""
    return VERSION if REVISION == UNKNOWN else f"{VERSION} ({REVISION[:SHORT]})"
