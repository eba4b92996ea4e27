"""docs/orm-to-sql.md: every recipe's source and the SQL that Postgres really got for it.

Each recipe is run twice. What differs between the two, such as the id of a row just made, is
shown as "…"; so the page says the same on every machine, and a test holds it against the code.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from ledger.cookbook.parameters import form_of
from ledger.cookbook.recipe import Recipe
from ledger.cookbook.recipes import GROUPS, RECIPES
from ledger.cookbook.running import Ran, run
from ledger.templatetags.sql_layout import lay_out

FILE: Path = settings.BASE_DIR / "docs" / "orm-to-sql.md"
WORDS = re.compile(r"[\w.:-]+|\s+|.")
SAVEPOINT = re.compile(r"s\d+_x\d+")  # as Django names them: two runs may have the same by chance
HEAD = (
    "# From the ORM to SQL\n\n"
    "What each recipe of the cookbook sends to Postgres, as Postgres got it. Written by "
    "`manage.py orm_to_sql` from the recipes\nthemselves, and checked by a test: what stands here "
    "is what the code does. The pages at `/cookbook/` show the same live, with plans\n"
    "and results.\n"
)


def chapters(groups: list[str] | None = None) -> Iterator[tuple[Recipe, str]]:
    """Each recipe that can run here, with its part of the page."""
    for group in GROUPS:
        for recipe in group.recipes:
            if not recipe.missing and (groups is None or group.slug in groups):
                yield recipe, chapter(recipe)


def page() -> str:
    """The whole page. Needs the practice bank, and the newest Postgres that the recipes know."""
    texts = [HEAD]
    last = None
    for recipe in RECIPES:
        if recipe.group is not last:
            last = recipe.group
            texts.append(f"## {last.title}\n\n{last.about}\n")
        texts.append(chapter(recipe))
    return "\n".join(texts)


def chapter(recipe: Recipe) -> str:
    """One recipe: its question, its source, its SQL."""
    sent = [f"-- {recipe.missing}"] if recipe.missing else statements(recipe)
    sql = "\n".join(sent)
    source = "\n\n\n".join(part for part in (recipe.parts, recipe.source) if part)
    return (
        f"### {recipe.title}\n\n{recipe.asks}\n\n```python\n{source}\n```\n\n```sql\n{sql}\n```\n"
    )


def statements(recipe: Recipe) -> list[str]:
    """What Postgres got, statement by statement, with comments where a step or person begins."""
    form = form_of(recipe, {})
    form.full_clean()
    first, second = (_statements(run(recipe, form.cleaned_data)) for _ in range(2))
    if len(first) != len(second):
        raise ValueError(f"{recipe.slug} sends other queries each time; it cannot be written down")
    return [_what_stays(one, two) for one, two in zip(first, second, strict=True)]


def _statements(ran: Ran) -> list[str]:
    lines: list[str] = []
    for section in ran.sections:
        if section.title:
            lines.append(f"-- {section.title}")
        sent = [query.statement for query in section.queries]
        for number, query in enumerate(section.queries):
            if not number or sent[number] != sent[number - 1]:
                lines.append(f"{lay_out(query.sql)};")
            if number and sent[number] == sent[number - 1] and lines[-1] != _AGAIN:
                lines.append(_AGAIN)
    for step in ran.steps:
        lines.append(f"-- {step.session.title()}")
        lines += [f"{lay_out(query.sql)};" for query in step.queries]
        if step.error:
            lines.append(f"-- {step.error}")
    return lines


_AGAIN = "-- ... and once more for each further row"


def _what_stays(one: str, two: str) -> str:
    """The text where both runs say the same, with "…" for each word that differs."""
    words, others = WORDS.findall(one), WORDS.findall(two)
    if len(words) != len(others):
        return one
    return "".join(
        a if a == b and not SAVEPOINT.fullmatch(a) else "…"
        for a, b in zip(words, others, strict=True)
    )
