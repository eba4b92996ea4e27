"""Recipes that run in a database of their own, and their stored results."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from cookbook import reference
from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import BY_SLUG, RECIPES
from cookbook.runner import own_database, stored
from cookbook.runner.parameters import form_of
from cookbook.runner.run import RecipeRun, run
from cookbook.templatetags.cookbook import whole_source
from ledger.db.server.embedded import EmbeddedServerError
from tests.cookbook.conftest import Cook
from tests.factories import UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
OWN = [recipe for recipe in RECIPES if recipe.own_database]
OF_THE_SERVER = re.compile(
    r"(?:CREATE|ALTER|DROP)\s+(?:ROLE|USER(?! MAPPING)|GROUP|DATABASE|TABLESPACE|SYSTEM)", re.I
)
NEEDS_EMBEDDED = pytest.mark.skipif(
    not hasattr(connection, "is_embedded"), reason="needs the embedded server"
)


def recipe_of(function: Callable[[], Any], **options: Any) -> Recipe:
    group = RecipeGroup("tests", "Tests", "")
    words = {"asks": "", "shows": (), "notice": "", "pitfall": ""}
    group.recipe("A test's own", own_database=True, **words, **options)(function)
    return group.recipes[0]


def ask(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def databases() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        return {name for (name,) in cursor.fetchall()}


@NEEDS_EMBEDDED
def test_it_runs_as_a_superuser_elsewhere_and_nothing_is_left() -> None:
    def who() -> tuple[str, str, bool]:
        ask("SELECT count(*) FROM pg_class")
        return (
            ask("SELECT current_database()"),
            ask("SHOW is_superuser"),
            connection.in_atomic_block,
        )

    before = ask("SELECT current_database()")
    ran = run(recipe_of(who), {})
    name, is_superuser, in_transaction = ran.value
    assert (is_superuser, in_transaction) == ("on", False)
    assert name != before == ask("SELECT current_database()")
    assert name not in databases()
    assert name not in vars(connections._connections._storage)  # type: ignore[attr-defined]


@NEEDS_EMBEDDED
def test_the_database_of_a_recipe_that_fails_is_dropped() -> None:
    names = []

    def fails() -> None:
        names.append(ask("SELECT current_database()"))
        ask("SELECT 1 / 0")

    assert run(recipe_of(fails), {}).error == "22012 division by zero"
    assert databases().isdisjoint(names)


@NEEDS_EMBEDDED
def test_two_people_get_two_databases() -> None:
    def where() -> str:
        return str(ask("SELECT current_database()"))

    def run_and_hang_up(recipe: Recipe) -> RecipeRun:
        try:
            return run(recipe, {})
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(run_and_hang_up, [recipe_of(where)] * 2)
    assert one.value != other.value


@NEEDS_EMBEDDED
def test_a_statement_of_such_a_recipe_is_stopped_after_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(own_database.SETTINGS, "statement_timeout", "50ms")
    assert run(recipe_of(lambda: ask("SELECT pg_sleep(60)")), {}).stopped.startswith("Stopped")


@pytest.mark.parametrize("recipe", OWN, ids=lambda recipe: recipe.slug)
def test_the_stored_result_is_that_of_a_run(recipe: Recipe) -> None:
    ran = run(recipe, {})
    now = stored.as_json(ran.trace, ran.tables)
    before = stored.read()[recipe.slug]
    assert reference.same_statements(stored.texts(before), stored.texts(now)), (
        "cookbook/runner/stored.json is not what the recipes send: run manage.py orm_to_sql"
    )


def test_only_recipes_with_their_own_database_have_stored_results() -> None:
    assert set(stored.read()) == {recipe.slug for recipe in OWN}


def test_no_reader_sends_anything_to_a_superuser() -> None:
    assert [recipe.slug for recipe in OWN if form_of(recipe, {}).fields] == []


def test_no_such_recipe_changes_what_all_databases_share() -> None:
    for recipe in OWN:
        sent = "\n".join(query["text"] for query in stored.read()[recipe.slug]["queries"])
        assert OF_THE_SERVER.findall(sent) == [], recipe.slug


class Refusing:
    """A server that cannot create a database."""

    def throwaway_database(self) -> Any:
        raise EmbeddedServerError


@pytest.mark.parametrize("server", [None, Refusing()])
def test_on_another_server_the_page_shows_the_stored_result(
    client: Client, monkeypatch: pytest.MonkeyPatch, server: Any
) -> None:
    monkeypatch.setattr(own_database, "embedded_server", lambda: server)
    client.force_login(UserFactory())
    recipe = BY_SLUG["parcels-by-bloom-index"]
    response = client.get(recipe.url)
    ran = response.context["ran"]
    assert stored.EXPLANATION in text_of(response)
    assert ran.stored.startswith(own_database.NO_SUPERUSER)
    assert [row[0] for table in ran.tables for row in table.rows] == ["equal", "less"]
    assert "parcel_bloom" in "".join(query.plan for query in ran.work.queries)
    assert [section.title for section in ran.sections] == [
        "The table and its index",
        "Two columns with =",
        "Two columns with <",
    ]


@NEEDS_EMBEDDED
def test_a_library_that_is_not_loaded_leads_to_the_stored_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = BY_SLUG["calls-by-pg-stat-statements"]
    assert not run(recipe, {}).stored
    monkeypatch.setattr(own_database, "LOADED", "SELECT ''")
    assert "pg_stat_statements" in run(recipe, {}).stored


@NEEDS_EMBEDDED
@pytest.mark.parametrize("recipe", OWN, ids=lambda recipe: recipe.slug)
def test_the_printed_source_runs_where_it_is_pasted(recipe: Recipe) -> None:
    def pasted() -> Any:
        namespace: dict[str, Any] = {}
        exec(whole_source(recipe), namespace)  # noqa: S102  source of our own
        return namespace[recipe.function.__name__]()

    ran = run(recipe_of(pasted, preload=recipe.preload), {})
    assert (ran.error, ran.stopped) == ("", "")
    assert ran.queries


def test_an_index_is_built_without_a_transaction(cook: Cook) -> None:
    ran = cook("index-by-add-index-concurrently")
    if not ran.stored:
        refused, failed = ran.value["errors"]
        assert "atomic = False" in refused
        assert failed == 'invalid input syntax for type integer: "A1"'
        assert {
            row["index"]: row["is_valid"] for row in ran.value["indexes before the removal"]
        } == {
            "parcel_grams": True,
            "parcel_number": False,
            "shop_parcel_pkey": True,
        }


@NEEDS_EMBEDDED
def test_the_values_of_recipes_with_their_own_database(cook: Cook) -> None:
    valid = cook("parcels-by-validate-constraint").value
    assert (valid["corrected"], valid["convalidated"]) == (1, True)
    assert "violates check constraint" in valid["new row"]
    assert "is violated by some row" in valid["too early"]

    adopted = cook("index-by-separate-database-and-state").value
    assert adopted == {
        "AddIndex": 'relation "parcel_grams" already exists',
        "indexes in the state": ["parcel_grams"],
    }

    filled = cook("kilograms-by-run-python").value["parcels"]
    assert [row["kilograms"] for row in filled] == [0.25, 0.9, None]

    assert cook("names-by-create-collation").value["in order"] == ["Zoo", "apple", "berry"]

    bookings = cook("bookings-by-range-boundary").value
    assert bookings["bookings"] == 2
    assert "exclusion constraint" in bookings["refused"]

    trusted = {row["name"]: row["trusted"] for row in cook("extensions-by-create-extension").value}
    assert trusted == {
        **dict.fromkeys(("btree_gin", "btree_gist", "pg_trgm", "unaccent"), True),
        "pgstattuple": False,
    }

    products = cook("products-by-hstore-field").value
    assert products["weight > 1000"] == "kettle"
    assert products["read again"] == {"colour": "red", "weight": "900"}

    guests = cook("guests-by-citext").value
    assert [guests[name] for name in ("exact", "startswith", "istartswith")] == [1, 0, 1]
    assert (guests["by name"], guests["stored"]) == (1, "Ana@Example.com")


@NEEDS_EMBEDDED
def test_a_trigger_reads_another_table_and_does_not_follow_it(cook: Cook) -> None:
    assert cook("books-by-search-vector-field").value == [
        {"word": "bread", "by_trigger": 1, "generated": 1},
        {"word": "Baker", "by_trigger": 1, "generated": 0},
        {"word": "Miller", "by_trigger": 0, "generated": 0},
    ]


@NEEDS_EMBEDDED
def test_a_configuration_removes_accents_before_it_stems(cook: Cook) -> None:
    found = cook("places-by-custom-configuration").value
    assert [(row["config"], row["found"]) for row in found] == [
        ("simple", 0),
        ("english", 0),
        ("english_unaccent", 1),
    ]
    assert found[-1]["words"] == "'cafe':2 'jorg':5 'sao':4"


@NEEDS_EMBEDDED
def test_a_cascade_of_the_database_sends_no_signal(cook: Cook) -> None:
    ran = cook("basket-by-db-cascade")
    assert ran.value == {"deleted": 3, "signals": "Item, Item, Basket", "children left": 0}
    (delete,) = (section for section in ran.sections if section.title == "delete()")
    assert not [query.sql for query in delete.queries if "coupon" in query.sql]


@NEEDS_EMBEDDED
def test_a_change_of_a_type_may_write_the_table_again(cook: Cook) -> None:
    found = cook("types-by-alter-field").value
    assert [row["rewrites the table"] for row in found] == [False, False, True, True]


@NEEDS_EMBEDDED
def test_a_coroutine_uses_the_connection_of_its_page(cook: Cook) -> None:
    ran = cook("parcel-by-async-orm")
    assert (ran.value["aget"], ran.value["sync_to_async"]) == (250, 500)
    assert ran.value["aupdate"] == 1
    assert (ran.value["acount"], ran.value["async for"]) == (2, ["A2", "A1"])
    assert "asynchronous context manager" in ran.value["async with atomic()"]


@NEEDS_EMBEDDED
def test_figures_of_recipes_with_their_own_database(cook: Cook) -> None:
    bloom = cook("parcels-by-bloom-index")
    assert bloom.value == {
        "equal": sum(n % 89 == 5 and n % 79 == 7 for n in range(1, 20_001)),
        "less": sum(n % 89 < 2 and n % 79 < 2 for n in range(1, 20_001)),
    }
    equal, less = (query.plan for query in bloom.work.queries if "COUNT" in query.sql)
    assert "Bitmap Index Scan on parcel_bloom" in equal
    assert "Seq Scan" in less

    default, no_lists, half_full = (row["pages"] for row in cook("sizes-by-btree-index").value)
    assert default < half_full < no_lists
    assert default * 2.5 < no_lists

    calls = cook("calls-by-pg-stat-statements").value
    assert [row["calls"] for row in calls] == [3, 1]
    assert '"grams" = $1' in calls[0]["query"]

    checked = cook("index-by-amcheck").value
    assert (checked["faults"], checked["found by the wrong index"]) == (0, 0)
    assert "lacks matching index tuple" in checked["bt_index_check"]
    assert checked["found after REINDEX"] == 1

    full, deleted, vacuumed = cook("free-space-by-pgstattuple").value
    assert [row["dead"] for row in (full, deleted, vacuumed)] == [0, 5000, 0]
    assert [row["live"] for row in (full, deleted, vacuumed)] == [10_000, 5000, 5000]
    assert full["bytes"] == vacuumed["bytes"]
    assert vacuumed["free_percent"] > 40
    assert vacuumed["leaf_density"] < 55 < full["leaf_density"]

    foreign = cook("sum-by-postgres-fdw").value
    assert foreign["grams"] == 1150
    assert "sum(grams) FROM public.shop_parcel WHERE ((grams > 0))" in foreign["plan"]
