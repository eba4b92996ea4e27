"""Generates the pages in docs/ that show the source code and the SQL of every recipe. The table of
contents is docs/orm-to-sql.md. Each group of recipes has a page in docs/orm-to-sql/.

Each statement is recorded when Django passes it to psycopg. psycopg sends BEGIN to Postgres only
before the next statement.

The pages show "…" for values that differ between two runs, such as the id of a new row. So the
pages are the same on every machine, and a test can compare them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import GROUPS, RECIPES
from cookbook.runner import stored
from cookbook.runner.parameters import form_of
from cookbook.runner.run import RecipeRun, run
from cookbook.runner.steps import IN_FULL, of_one_shape
from cookbook.runner.timeline import written
from ledger.text.sql_layout import lay_out

FILE: Path = settings.BASE_DIR / "docs" / "orm-to-sql.md"
FOLDER: Path = FILE.with_suffix("")
WORDS = re.compile(r"[\w.:-]+|\s+|.")
DIGIT = re.compile(r"\d")
MAX_RUNS = 5
# The names that Django gives to savepoints. Two runs may have the same names by chance.
SAVEPOINT = re.compile(r"s\d+_x\d+")
HEAD = (
    "# From the ORM to SQL\n\n"
    "The SQL of each recipe of the cookbook, in the order in which Django passes it to psycopg. "
    "psycopg sends BEGIN to Postgres\nonly before the next statement. “…” replaces values that "
    "differ between two runs. `manage.py orm_to_sql` writes these\npages. The pages at "
    "`/cookbook/` show the same live, with plans and results.\n\n"
)
NO_ANCHOR = re.compile(r"[^\w\- ]")  # characters that GitHub omits from the anchor of a heading


def pages() -> Iterator[tuple[Path, str]]:
    """Yields each file with its text: first the table of contents, then the page of each group.
    Requires the practice bank, and a version of Postgres on which every recipe runs.
    """
    yield FILE, HEAD + contents()
    for group in GROUPS:
        yield file_of(group), "".join(text for _recipe, text in parts(group))


def file_of(group: RecipeGroup) -> Path:
    """Returns the file with the recipes of the group."""
    return FOLDER / f"{group.slug}.md"


def parts(group: RecipeGroup) -> Iterator[tuple[Recipe | None, str]]:
    """Yields pairs of a recipe and its text, in the order of the group's page. The first pair
    contains None and the top of the page: the title and the table of contents.
    """
    links = "".join(f"- {_link(recipe)}\n" for recipe in group.recipes)
    yield None, f"# {group.title}\n\n{group.about} [All groups](../{FILE.name})\n\n{links}"
    for recipe in group.recipes:
        yield recipe, f"\n{chapter(recipe)}"


def contents() -> str:
    """Returns a Markdown list with links to each group and each recipe."""
    lines = []
    for group in GROUPS:
        file = f"{FOLDER.name}/{file_of(group).name}"
        lines.append(f"- [{group.title}]({file})\n")
        lines += [f"  - {_link(recipe, file)}\n" for recipe in group.recipes]
    return "".join(lines)


def _link(recipe: Recipe, file: str = "") -> str:
    """Returns a Markdown link to the recipe's heading in a file, or on the same page. All headings
    are different, so the anchors need no number.
    """
    anchor = NO_ANCHOR.sub("", recipe.title.lower()).replace(" ", "-")
    return f"[{recipe.title}]({file}#{anchor})"


def chapter(recipe: Recipe) -> str:
    """Returns the Markdown of one recipe: its question, the SQL that created what it uses, its
    source code and its SQL.
    """
    sent = [f"-- {recipe.missing}"] if recipe.missing else statements(recipe)
    sql = "\n".join(sent)
    text = f"## {recipe.title}\n\n{recipe.asks}"
    if recipe.creation:
        text += f"\n\n```sql\n{recipe.creation}\n```"
    return f"{text}\n\n```python\n{recipe.body}\n```\n\n```sql\n{sql}\n```\n"


def stored_runs() -> dict[str, dict[str, Any]]:
    """Runs each recipe that needs a throw-away database. Returns the new content of the file with
    stored runs, by the slugs of the recipes. If a new run has the same statements and results as
    the stored run, the stored run does not change.

    Raises: ValueError if such a recipe cannot run here.
    """
    runs, earlier = {}, stored.read()
    for recipe in RECIPES:
        if recipe.own_database and not recipe.missing:
            ran = run(recipe, {})
            if ran.stored or ran.error or ran.stopped:
                raise ValueError(f"{recipe.slug} cannot run here: {ran.error or ran.stopped}")
            now, before = stored.as_json(ran.trace, ran.tables), earlier.get(recipe.slug)
            is_same = before and same_statements(stored.texts(before), stored.texts(now))
            runs[recipe.slug] = before if before and is_same else now
    return runs


def statements(recipe: Recipe) -> list[str]:
    """Returns the SQL of a recipe as a list of lines. Comments mark where a step or a session
    begins.

    Some recipes depend on chance, for example on the session that Postgres ends in a deadlock.
    Therefore the recipe runs until two runs send the same statements.

    Raises: ValueError if no two of MAX_RUNS runs send the same statements.
    """
    form = form_of(recipe, {})
    form.full_clean()
    before: list[list[str]] = []
    for _run in range(MAX_RUNS):
        now = _statements(run(recipe, form.cleaned_data))
        for earlier in before:
            if same_statements(earlier, now):
                return [_common_text(one, two) for one, two in zip(earlier, now, strict=True)]
        before.append(now)
    raise ValueError(f"{recipe.slug} sends other queries in each run, so it cannot be documented")


def same_statements(one: list[str], two: list[str]) -> bool:
    """Returns whether the SQL of two runs is equal, except for numbers, ids and times."""
    return len(one) == len(two) and all(
        len(words) == len(others)
        and all(a == b or DIGIT.search(a + b) for a, b in zip(words, others, strict=True))
        for words, others in (
            (WORDS.findall(a), WORDS.findall(b)) for a, b in zip(one, two, strict=True)
        )
    )


def _statements(ran: RecipeRun) -> list[str]:
    lines: list[str] = []
    for section in ran.sections:
        if section.title:
            lines.append(f"-- {section.title}")
        for same in of_one_shape(section.queries):
            for query in same[:IN_FULL]:
                lines.append(f"{lay_out(query.sql)};")
                lines += [f"-- {query.error}"] * bool(query.error)
            if (more := len(same) - IN_FULL) > 0:
                lines.append(f"-- and {more} more of this shape")
    return [*lines, *written(ran.steps)]


def _common_text(one: str, two: str) -> str:
    """Returns the text that two runs have in common. "…" replaces words that differ, today's date
    and the names of savepoints.
    """
    today = str(timezone.now().date())
    return "".join(
        a if a == b != today and not SAVEPOINT.fullmatch(a) else "…"
        for a, b in zip(WORDS.findall(one), WORDS.findall(two), strict=True)
    )
