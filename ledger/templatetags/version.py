"""The version of Ledger, for staff pages."""

from django import template

from ledger.version import REVISION, UNKNOWN, VERSION

register = template.Library()
SHORT = 12  # digits, enough to identify a commit


@register.simple_tag
def ledger_version() -> str:
    """Returns the version, and the first digits of the commit if it is known."""
    return VERSION if REVISION == UNKNOWN else f"{VERSION} ({REVISION[:SHORT]})"
