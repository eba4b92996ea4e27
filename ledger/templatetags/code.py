"""Colours the syntax of Python, SQL and JSON with CSS classes, because the CSP allows no inline
styles. Draws query plans.
"""

from itertools import groupby

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from ledger.db.queries.plan_tree import tree_of
from ledger.text.sql_layout import lay_out

register = template.Library()
LEXERS = {"python": "python", "sql": "postgresql", "json": "json"}
# The token types that have a colour in the stylesheet, with the short names of Pygments. Other
# tokens get no span. Spans for them would double the size of a page without a visible effect.
COLOURED = {
    **dict.fromkeys("k kd kc kn kr kt ow nc nf nt".split(), "k"),
    **dict.fromkeys("s s1 s2 sd mi mf nb".split(), "s"),
    **dict.fromkeys("c c1 cm ch".split(), "c"),
}

# Longer texts, and texts with a longer line, are not coloured, because a lexer can take quadratic
# time for a text of a user.
LONGEST, LONGEST_LINE = 20_000, 1_000  # characters


@register.filter
def highlight(text: str, language: str) -> SafeString:
    """Returns code as escaped HTML with coloured spans. The class is "k" for keywords, "s" for
    strings and numbers, and "c" for comments. `language` is "python", "sql" or "json".
    """
    if len(text) > LONGEST or max(map(len, text.splitlines()), default=0) > LONGEST_LINE:
        return format_html("{}", text)
    lexer = get_lexer_by_name(LEXERS[language], stripall=True)
    tokens = [
        (COLOURED.get(STANDARD_TYPES.get(kind, "")), text) for kind, text in lexer.get_tokens(text)
    ]
    runs = (
        (colour, "".join(text for _colour, text in run))
        for colour, run in groupby(tokens, key=lambda token: token[0])
    )
    return format_html_join("", "{}", ((_span(colour, text),) for colour, text in runs))


def _span(colour: str | None, text: str) -> str:
    return format_html('<span class="{}">{}</span>', colour, text) if colour else text


@register.filter
def laid_out(sql: str) -> str:
    """Returns the SQL formatted on several lines."""
    return lay_out(sql)


@register.inclusion_tag("includes/_plan.html")
def query_plan(plan: str) -> dict[str, object]:
    """Shows a query plan as a tree with the share of each node, and as text."""
    return {"plan": plan, "tree": tree_of(plan)}
