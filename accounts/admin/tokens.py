"""Lists the access tokens of a person for the admin page of this person. Staff cannot create
tokens.
"""

from django.utils.html import format_html, format_html_join

from accounts.admin.parts import moment_cell
from accounts.models import ApiToken, User


def tokens_of(person: User) -> str:
    """Returns HTML with the prefix, scopes, last use and expiry of the valid tokens. The names of
    tokens are private, so they are not shown.
    """
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
