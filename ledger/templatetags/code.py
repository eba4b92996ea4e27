"""Python, SQL, plans and JSON, coloured by classes: no inline style, so the CSP stays strict."""

import sqlparse
from django import template
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

register = template.Library()
LEXERS = {"python": "python", "sql": "postgresql", "plan": "postgres-explain", "json": "json"}


@register.filter
def highlight(text: str, language: str) -> SafeString:
    """Code with a span and a class for each token; Pygments escapes what is in it.

    `language` is "python", "sql", "plan" or "json".
    """
    lexer = get_lexer_by_name(LEXERS[language], stripall=True)
    html = pygments_highlight(text, lexer, HtmlFormatter(nowrap=True))
    return mark_safe(str(html))  # noqa: S308  escaped by Pygments, token by token


@register.filter
def laid_out(sql: str) -> str:
    """SQL over several lines, as a person would write it."""
    return str(sqlparse.format(sql, reindent=True, keyword_case="upper", indent_width=2)).strip()
