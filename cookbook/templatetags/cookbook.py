"""Template filters for the pages of the cookbook."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms, template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User
from cookbook.documentation import links_of
from cookbook.in_the_bank import USES, Use
from cookbook.recipe import PrintedFunction, Recipe
from cookbook.runner.sessions import SessionStep
from cookbook.runner.steps import IN_FULL, of_one_shape
from cookbook.runner.timeline import TimelineRow
from cookbook.runner.timeline import timeline as timeline_of
from ledger.db.queries.work import RecordedQuery
from ledger.text.literals import literal

register = template.Library()
BLANK_IN_BLOCK = re.compile(r"\n(?:[ \t]*\n)+(?=[ \t])")


@dataclass(frozen=True, slots=True)
class FoldedStatement:
    """An SQL statement on a page. If `times` is greater than 1, the object represents this number
    of statements that differ only in their values.
    """

    sql: str
    plan: str
    milliseconds: float
    times: int
    error: str


@register.filter
def repeats_folded(queries: Sequence[RecordedQuery]) -> list[FoldedStatement]:
    """Returns the statements for a page. If many consecutive statements differ only in their
    values, the first of them are separate entries, and one entry represents all others.
    """
    folded = []
    for same in of_one_shape(queries):
        ones = [[query] for query in same[: IN_FULL - 1]]
        for like in [*ones, same[IN_FULL - 1 :]]:
            if like:
                first, took = like[0], sum(query.milliseconds for query in like)
                folded.append(FoldedStatement(first.sql, first.plan, took, len(like), first.error))
    return folded


@register.filter
def breakable(feature: str) -> SafeString:
    """Returns the text with a possible line break after each opening bracket. This is for the
    narrow column of features.
    """
    return mark_safe(escape(feature).replace("(", "(<wbr>"))  # noqa: S308  escaped here


@register.filter
def whole_source(printed: PrintedFunction) -> str:
    """Returns the complete source code for a file or a shell: the imports, the constants, the
    helpers and the function. Blank lines inside a block are removed, because a blank line ends the
    block in Python's shell.
    """
    source = "\n\n\n".join(part for part in (printed.imports, printed.body) if part)
    return BLANK_IN_BLOCK.sub("\n", source)


@register.filter
def documentation(recipe: Recipe) -> list[tuple[str, str]]:
    """Returns the names and addresses of the recipe's pages in the documentation."""
    return list(links_of(recipe.slug).items())


@register.filter
def use_in_the_bank(recipe: Recipe) -> Use | None:
    """Returns where the bank uses the feature of the recipe, or None."""
    return USES.get(recipe.slug)


@register.filter
def url_for(use: Use, reader: User) -> str:
    """Returns the URL of the page with this use, or "" if the reader may not open the page."""
    return use.url_for(reader)


@register.filter
def in_shell(recipe: Recipe, form: forms.Form) -> str:
    """Returns a line of code that runs the recipe in `manage.py shell`."""
    values: dict[str, Any] = form.cleaned_data if form.is_valid() else {}
    text = "".join(f", {name}={literal(value)}" for name, value in values.items())
    return f"cook(recipes.{recipe.name}{text})"


@register.filter
def timeline(steps: Sequence[SessionStep]) -> list[TimelineRow]:
    """Returns the statements of all sessions, ordered by time."""
    return timeline_of(steps)


@register.filter
def lane(row: TimelineRow, steps: Sequence[SessionStep]) -> int:
    """Returns the number of the row's session. The first session is 1."""
    names = list(dict.fromkeys(other.session for other in steps))
    return names.index(row.session) + 1


@register.filter
def with_anchor(html: SafeString, line: int) -> SafeString:
    """Returns highlighted source code with the anchor `here` at the start of this line. The number
    of the first line is 1.
    """
    lines = html.splitlines(keepends=True)
    lines.insert(line - 1, '<span id="here"></span>')
    return mark_safe("".join(lines))  # noqa: S308  `html` is escaped
