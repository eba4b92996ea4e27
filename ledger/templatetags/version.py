"""The version of Ledger, for pages of staff."""

from django import template

from ledger.version import REVISION, UNKNOWN, VERSION

register = template.Library()
SHORT = 12  # digits, as many as nobody mistakes


@register.simple_tag
def ledger_version() -> str:
    """Returns the version and the beginning of the commit, where it is known."""
    return VERSION if REVISION == UNKNOWN else f"{VERSION} ({REVISION[:SHORT]})"
