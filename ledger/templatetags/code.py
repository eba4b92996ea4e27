"""Python, SQL and plans, coloured by classes: no inline style, so the CSP stays strict."""

from django import template
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from ledger.templatetags.sql_layout import lay_out

register = template.Library()
LEXERS = {"python": "python", "sql": "postgresql", "plan": "postgres-explain"}


@register.filter
def highlight(text: str, language: str) -> SafeString:
    """Code with a span and a class for each token; Pygments escapes what is in it.

    `language` is "python", "sql" or "plan".
    """
    lexer = get_lexer_by_name(LEXERS[language], stripall=True)
    html = pygments_highlight(text, lexer, HtmlFormatter(nowrap=True))
    return mark_safe(str(html))  # noqa: S308  escaped by Pygments, token by token


@register.filter
def laid_out(sql: str) -> str:
    """SQL over several lines, as a person would write it."""
    return lay_out(sql)
