"""The list of what the cookbook covers, line by line, held against its recipes."""

import re

import pytest

from ledger.cookbook.recipe import Group, Recipe
from ledger.cookbook.recipes import BY_SLUG, GROUPS, RECIPES

# By group: what is promised, and what recipes call it in their `shows`. An identifier, such as
# Sum or select_related, also has to stand in the source of a recipe that says it shows it.
PROMISED = {
    "basics": "create, get, filter, exclude, Q, negation, exact, iexact, contains, icontains, "
    "startswith, istartswith, endswith, in, gt, gte, lt, lte, range, isnull, regex, date, year, "
    "month, order_by, slicing, Paginator, soft delete, update without loading",
    "aggregation": "Sum, Avg, Min, Max, Count, filtered aggregate, group by, TruncMonth, having, "
    "ArrayAgg, StringAgg, JSONBAgg, percentile",
    "joins": "select_related, prefetch_related, Prefetch, FilteredRelation, Subquery, OuterRef, "
    "Exists, N+1",
    "transactions": "atomic, durable, savepoint, on_commit, isolation level, select_for_update, "
    "of, nowait, skip_locked, no_key, advisory lock, deadlock, retry, lost update",
    "constraints": "CHECK, unique, conditional unique, exclusion, deferrable, composite key, "
    "trigger",
    "jsonb": "key, nested key, contains, contained_by, has_key, has_keys, has_any_keys, path, KT, "
    "JSONObject, update in place, GIN used, GIN not used",
    "windows": "running total, Rank, RowNumber, Lag, Lead, Ntile, RowRange, ValueRange, partition, "
    "filter after window, named comparisons",
    "fulltext": "SearchVector, weights, plain, phrase, raw, websearch, SearchRank, SearchHeadline, "
    "generated column, on the fly, prefix, languages",
    "writing": "bulk_create, ignore_conflicts, update_conflicts, bulk_update, F, Case, COPY, "
    "RETURNING",
    "reading": "iterator, server-side cursor, values, values_list, only, defer, exists, count, "
    "explain, keyset, offset",
    "schema": "generated column, db_default, functional index, partial index, covering index, "
    "BRIN, view as a model, db_table_comment, db_comment, raw SQL, Manager.raw, custom lookup, "
    "custom function, custom aggregate, newer Django, newer Postgres",
}
IDENTIFIER = re.compile(r"[A-Z]\w*[a-z]\w*|[a-z]+_[a-z_]+|[FQ]|KT")


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.slug)
def test_every_promise_of_a_group_has_a_recipe(group: Group) -> None:
    promised = PROMISED[group.slug].split(", ")
    recipes = group.recipes
    shown = {feature for recipe in recipes for feature in recipe.shows}
    assert [feature for feature in promised if feature not in shown] == []
    absent = [
        feature
        for feature in promised
        if IDENTIFIER.fullmatch(feature)
        and not any(
            feature in recipe.shows and re.search(rf"\b{feature}\b", recipe.parts + recipe.source)
            for recipe in recipes
        )
    ]
    assert absent == []


def test_the_groups_are_those_of_the_list() -> None:
    assert [group.slug for group in GROUPS] == list(PROMISED)
    assert len(BY_SLUG) == len(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.slug)
def test_every_recipe_says_what_it_is(recipe: Recipe) -> None:
    assert recipe.about.endswith((".", "?"))
    assert recipe.asks.endswith("?")
    for words in (recipe.notice, recipe.pitfall):
        assert words.endswith("."), words
        assert "`" not in words
    lines = recipe.source.splitlines()
    assert lines[0].startswith("def ")
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100


def test_a_recipe_shows_the_tables_that_only_the_practice_bank_has() -> None:
    tables = BY_SLUG["take-off-the-list"].tables
    assert tables.index("class LivingContacts") < tables.index("class Contact(")
    assert BY_SLUG["spent-by-category"].tables == ""
