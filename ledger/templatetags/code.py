"""Python, SQL and plans, coloured by classes: no inline style, so the CSP stays strict."""

import re

from django import template
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from ledger.templatetags.sql_layout import lay_out

register = template.Library()
LEXERS = {"python": "python", "sql": "postgresql", "plan": "postgres-explain"}
# Names, points, brackets and spaces have no colour; their spans would be half of the page.
PLAIN = re.compile(r'<span class="(?:n|o|p|w)">([^<]*)</span>')


@register.filter
def highlight(text: str, language: str) -> SafeString:
    """Code with a span and a class for each token that has a colour; Pygments escapes what is
    in it.

    `language` is "python", "sql" or "plan".
    """
    lexer = get_lexer_by_name(LEXERS[language], stripall=True)
    html = pygments_highlight(text, lexer, HtmlFormatter(nowrap=True))
    return mark_safe(PLAIN.sub(r"\1", str(html)))  # noqa: S308  escaped by Pygments, token by token


@register.filter
def laid_out(sql: str) -> str:
    """SQL over several lines, as a person would write it."""
    return lay_out(sql)
