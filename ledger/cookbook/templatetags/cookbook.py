"""What the cookbook's pages need beside code and its colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms, template

from ledger.cookbook.recipe import Recipe
from ledger.cookbook.sessions import Step
from ledger.db.work import Query
from ledger.templatetags.code import literal

register = template.Library()


@dataclass(frozen=True, slots=True)
class Folded:
    """Statements of one shape, one after the other: the first of them, and how many."""

    sql: str
    plan: str
    milliseconds: float
    times: int
    error: str


@register.filter
def repeats_folded(queries: Sequence[Query]) -> list[Folded]:
    """Statements in order, those that differ in their values alone as one."""
    folded = []
    for _key, run in groupby(queries, key=lambda query: (query.statement, query.error)):
        same = list(run)
        took = sum(query.milliseconds for query in same)
        folded.append(Folded(same[0].sql, same[0].plan, took, len(same), same[0].error))
    return folded


@register.filter
def whole_source(recipe: Recipe) -> str:
    """All of it that a file would need: imports, helpers, the function."""
    return "\n\n\n".join(part for part in (recipe.imports, recipe.parts, recipe.source) if part)


@register.filter
def in_shell(recipe: Recipe, form: forms.Form) -> str:
    """The line to paste into `manage.py shell`."""
    values: dict[str, Any] = form.cleaned_data if form.is_valid() else {}
    said = "".join(f", {name}={literal(value)}" for name, value in values.items())
    return f"cook(recipes.{recipe.function.__name__}{said})"


@register.filter
def lane(step: Step, steps: Sequence[Step]) -> int:
    """Which of the people side by side it was, from 1."""
    names = list(dict.fromkeys(other.session for other in steps))
    return names.index(step.session) + 1
