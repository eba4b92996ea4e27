"""The access tokens of a person, as staff see them on the page of the person. No page makes one."""

from django.utils.html import format_html, format_html_join

from accounts.admin.parts import moment_cell
from accounts.models import ApiToken, User


def tokens_of(person: User) -> str:
    """The tokens that work: prefix, scopes, last use, end. Not how the person calls them."""
    lines = format_html_join(
        "",
        "<li>ledger_{}…, {}: last used {}; {}</li>",
        (
            (
                token.prefix,
                " and ".join(token.words),
                moment_cell(token.last_used_at) if token.last_used_at else "never",
                format_html("works until {}", moment_cell(token.expires_at))
                if token.expires_at
                else "works until it is revoked",
            )
            for token in ApiToken.objects.of(person).live()
        ),
    )
    return format_html('<ul class="readers">{}</ul>', lines) if lines else "none"
