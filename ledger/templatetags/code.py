"""Python, SQL, plans and JSON, coloured by classes: no inline style, so the CSP stays strict."""

from itertools import groupby

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from ledger.text.sql_layout import lay_out

register = template.Library()
LEXERS = {"python": "python", "sql": "postgresql", "plan": "postgres-explain", "json": "json"}
# What the stylesheet colours, by Pygments's own short names. A span round every other word and
# bracket would double the weight of a page and show nothing.
COLOURED = {
    **dict.fromkeys("k kd kc kn kr kt ow nc nf nt".split(), "k"),
    **dict.fromkeys("s s1 s2 sd mi mf nb".split(), "s"),
    **dict.fromkeys("c c1 cm ch".split(), "c"),
}

# Longer texts stay plain, and those with a longer line: for them, the lexer of plans takes
# quadratic time, and a plan repeats what its query says.
LONGEST, LONGEST_LINE = 20_000, 1_000  # characters


@register.filter
def highlight(text: str, language: str) -> SafeString:
    """Code, escaped, with a span for keywords ("k"), for strings and numbers ("s") and for
    comments ("c"). `language` is "python", "sql", "plan" or "json".
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
    """SQL over several lines, as a person would write it."""
    return lay_out(sql)
