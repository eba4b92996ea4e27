"""docs/orm-to-sql.md and its pages contain what the recipes send today."""

import re
from collections.abc import Callable
from typing import Any

import django
import pytest
from django.db import connection
from django.utils import timezone

from cookbook import reference
from cookbook.models import Jar
from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import BY_SLUG, GROUPS

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
STALE = "docs/orm-to-sql is not what the recipes send: run manage.py orm_to_sql"
NEWEST = 180_000  # the page is written on this Postgres; older ones lack some of the recipes
OF_OLDER_POSTGRES = "JSONB_BUILD_"  # what Django writes for JSONObject and JSONArray before 16
TRIES = 3  # for what several people do, where chance has a part


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="the page has the SQL of Django 5.2")
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.slug)
def test_each_line_of_a_group_is_what_postgres_gets(group: RecipeGroup) -> None:
    left = reference.file_of(group).read_text()
    for recipe, text in reference.parts(group):
        if connection.pg_version < NEWEST:  # type: ignore[attr-defined]
            is_other = (recipe and recipe.missing) or OF_OLDER_POSTGRES in text
            assert not recipe or is_other or as_written(recipe, text, left), STALE
            continue
        known = as_written(recipe, text, left)
        assert left.startswith(known), f"{STALE} ({recipe.slug if recipe else group.slug})"
        left = left.removeprefix(known)
    if connection.pg_version >= NEWEST:  # type: ignore[attr-defined]
        assert left == "", STALE


def as_written(recipe: Recipe | None, text: str, written: str) -> str:
    """The text as it stands in the page, "" where it does not; several people get some more
    tries to do it in that way."""
    for _again in range(TRIES if recipe and recipe.commits else 1):
        if text in written:
            return text
        if recipe and recipe.commits:
            text = f"\n{reference.chapter(recipe)}"
    return ""


def test_each_group_has_a_page_and_the_folder_no_other_file() -> None:
    assert reference.FILE.read_text() == reference.HEAD + reference.contents(), STALE
    files = {reference.file_of(group) for group in GROUPS}
    assert set(reference.FOLDER.iterdir()) == files, STALE


def test_the_contents_lead_to_each_heading_once() -> None:
    """Checks the anchors that GitHub makes: small letters, hyphens, no other characters."""
    contents = reference.FILE.read_text()
    for group in GROUPS:
        page = reference.file_of(group)
        headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert headings == [recipe.title for recipe in group.recipes], STALE
        anchors = [
            "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")
            for heading in headings
        ]
        assert len(set(anchors)) == len(anchors)
        wanted = list(zip(headings, anchors, strict=True))
        assert re.findall(r"^- \[(.+)\]\(#(.+)\)$", page.read_text(), re.MULTILINE) == wanted
        link = rf"^  - \[(.+)\]\(orm-to-sql/{page.name}#(.+)\)$"
        assert re.findall(link, contents, re.MULTILINE) == wanted


def test_what_differs_between_two_runs_is_left_open() -> None:
    assert reference._common_text("WHERE id = 17;", "WHERE id = 18;") == "WHERE id = …;"
    assert reference._common_text("SAVEPOINT s7_x1;", "SAVEPOINT s7_x1;") == "SAVEPOINT …;"
    today = f"'{timezone.now().date()} 12:00:00'::timestamptz;"
    assert reference._common_text(today, today) == "'… 12:00:00'::timestamptz;"
    assert BY_SLUG["lost-update"].title in reference.chapter(BY_SLUG["lost-update"])


def own(function: Callable[..., Any], **options: Any) -> Recipe:
    group = RecipeGroup("tests", "Tests", "")
    words = {"asks": "", "shows": (), "notice": "", "pitfall": ""}
    group.recipe("A test's own", **words, **options)(function)
    return group.recipes[0]


def test_what_went_another_way_is_run_until_two_runs_agree() -> None:
    ways = iter(["Ana", "Ben", "Ana"])

    def victim() -> None:
        Jar.objects.filter(name=next(ways)).count()

    assert reference.statements(own(victim))[0].endswith("WHERE jars.name = 'Ana';")
    assert list(ways) == []


def test_what_goes_another_way_each_time_cannot_be_written_down() -> None:
    ways = iter("abcdefgh")

    def never_twice() -> None:
        Jar.objects.filter(name=next(ways)).count()

    with pytest.raises(ValueError, match=r"^never-twice "):
        reference.statements(own(never_twice))


def test_two_runs_in_another_order_went_another_way() -> None:
    assert reference.same_statements(["-- Ana", "id = 17;"], ["-- Ana", "id = 18;"])
    assert not reference.same_statements(["-- Ana", "COMMIT;"], ["-- Ben", "COMMIT;"])
    assert not reference.same_statements(["COMMIT;"], ["COMMIT;", "BEGIN;"])


@pytest.mark.parametrize(("sent", "said"), [(1, []), (3, []), (4, ["-- and 1 more of this shape"])])
def test_up_to_three_of_one_shape_are_written_out(sent: int, said: list[str]) -> None:
    def counts() -> None:
        for coins in range(sent):
            Jar.objects.filter(coins=coins).count()

    lines = reference.statements(own(counts))
    shown = [line.partition("coins = ")[2] for line in lines if "coins" in line]
    assert shown == ["0;", "1;", "2;"][:sent]
    assert lines[len(shown) :] == said


def test_who_waits_and_what_is_refused_is_written_down() -> None:
    said = reference.chapter(BY_SLUG["retry"])
    refused = "-- Ben has waited for Ana: 40001 could not serialize access due to concurrent update"
    for earlier, later in (
        ("coins = 150", "-- waits for Ana"),
        ("-- waits for Ana", "-- Ana\nCOMMIT;"),
        ("-- Ana\nCOMMIT;", refused),
        (refused, "ROLLBACK;"),
        ("ROLLBACK;", "coins = 120"),
    ):
        assert said.index(earlier) < said.index(later)
    assert "-- 23514 new row" in reference.chapter(BY_SLUG["savepoint"])
    assert "COMMIT;\n-- 40001 " in reference.chapter(BY_SLUG["write-skew"])
