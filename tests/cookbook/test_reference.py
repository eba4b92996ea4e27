"""docs/orm-to-sql.md says what the recipes send today."""

import pytest

from ledger.cookbook import reference
from ledger.cookbook.recipe import Group
from ledger.cookbook.recipes import BY_SLUG, GROUPS, RECIPES

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
STALE = "docs/orm-to-sql.md is not what the recipes send: run manage.py orm_to_sql"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.slug)
def test_each_chapter_is_what_postgres_gets(group: Group) -> None:
    written = reference.FILE.read_text()
    for recipe, chapter in reference.chapters([group.slug]):
        assert chapter in written, f"{STALE} ({recipe.slug})"


def test_every_recipe_is_in_it_once_and_nothing_else() -> None:
    written = reference.FILE.read_text()
    titles = [line[4:] for line in written.splitlines() if line.startswith("### ")]
    assert titles == [recipe.title for recipe in RECIPES], STALE


def test_what_differs_between_two_runs_is_left_open() -> None:
    assert reference._what_stays("WHERE id = 17;", "WHERE id = 18;") == "WHERE id = …;"
    assert BY_SLUG["lost-update"].title in reference.chapter(BY_SLUG["lost-update"])
