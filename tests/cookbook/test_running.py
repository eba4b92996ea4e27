"""What a recipe may do and for how long: reads and writes of the practice bank alone, rolled
back, within its time.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db import transaction as db_transaction
from django.test import Client

from accounts.models import Account, User
from cookbook import views
from cookbook.models import Jar
from cookbook.practice.readiness import SCHEMA, NoPracticeBank
from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import BY_SLUG, RECIPES
from cookbook.runner import run as running
from cookbook.runner.parameters import form_of
from cookbook.runner.run import RecipeRun, run
from cookbook.runner.steps import step
from tests.cookbook.conftest import Clock
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, text_of

pytestmark = pytest.mark.usefixtures("practice_bank", "db")


def cooked(function: Callable[..., Any], **values: Any) -> RecipeRun:
    """What came of a recipe of a test's own, which may write."""
    return run(recipe_of(function, writes=True), values)


def recipe_of(function: Callable[..., Any], **options: Any) -> Recipe:
    group = RecipeGroup("tests", "Tests", "")
    group.recipe("A test's own", asks="", shows=(), notice="", pitfall="", **options)(function)
    return group.recipes[0]


def ask(sql: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0] if cursor.description else None


def sums_of_practice() -> dict[str, tuple[int, str]]:
    """How many rows each of its tables has, and a sum of what is in them."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [SCHEMA])
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT count(*), coalesce(sum(hashtextextended(row::text, 0)), 0)::text"
                f' FROM {SCHEMA}."{table}" AS row'
            )
            found[table] = cursor.fetchone()
    return found


@pytest.fixture
def unchanged(practice_bank: None, db: None) -> Iterator[None]:
    before = sums_of_practice()
    assert before["transactions"][0] > 5000
    yield
    assert sums_of_practice() == before


@pytest.mark.usefixtures("unchanged")
def test_what_a_recipe_writes_is_rolled_back() -> None:
    def writes() -> int:
        Jar.objects.create(name="rent")
        Account.objects.filter(status="active").update(transfer_limit=Decimal(5))
        return Account.objects.filter(transfer_limit=5).count()

    ran = cooked(writes)
    assert not ran.error
    assert ran.value > 24


@pytest.mark.usefixtures("unchanged")
def test_no_recipe_leaves_a_trace() -> None:
    for recipe in RECIPES:
        if not recipe.missing:
            form = form_of(recipe, {})
            assert form.is_valid(), recipe.slug
            ran = run(recipe, form.cleaned_data)
            assert (ran.stopped, recipe.slug) == ("", recipe.slug)


@pytest.mark.usefixtures("unchanged")
def test_a_recipe_that_only_reads_cannot_write() -> None:
    def writes() -> None:
        Jar.objects.create(name="rent")

    error = run(recipe_of(writes), {}).error
    assert error == "25006 cannot execute INSERT in a read-only transaction"


def test_a_recipe_that_only_reads_cannot_help_itself_to_more() -> None:
    def asks_for_more() -> None:
        ask("SET LOCAL transaction_read_only = off")

    error = run(recipe_of(asks_for_more), {}).error
    assert error.startswith("25001 ")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM public.accounts",
        "SELECT count(*) FROM public.entries",
        "UPDATE public.accounts SET balance = 0",
        "DELETE FROM public.transactions",
        "TRUNCATE public.transactions",
        "INSERT INTO public.users (name) VALUES ('nobody')",
    ],
)
def test_the_real_books_are_out_of_reach(sql: str) -> None:
    AccountFactory(balance=Decimal(10))
    error = cooked(lambda: ask(sql)).error
    assert error.startswith("42501 permission denied for ")


def test_the_same_models_mean_the_practice_bank() -> None:
    real: User = UserFactory(name="Somebody Real")

    def names() -> list[str]:
        return list(User.objects.order_by("email").values_list("name", flat=True))

    ran = run(recipe_of(names), {})
    assert "Ana Ferreira" in ran.value
    assert real.name not in ran.value
    assert list(User.objects.values_list("name", flat=True)) == [real.name]


def test_the_practice_bank_is_first_in_the_path_and_the_role_has_no_more_rights() -> None:
    def who() -> tuple[str, str, str]:
        return (ask("SHOW search_path"), ask("SELECT current_user::text"), ask("SHOW timezone"))

    before = who()
    assert run(recipe_of(who), {}).value == ("practice, extensions", "ledger_cookbook", "UTC")
    assert who() == before


def test_one_statement_that_takes_too_long_is_stopped() -> None:
    def waits() -> None:
        ask("SET LOCAL statement_timeout = '50ms'")
        ask("SELECT pg_sleep(60)")

    ran = cooked(waits)
    assert not lacks(ran.stopped, "Stopped", "one statement", "3 seconds")
    assert (ran.value, ran.tables, ran.error) == (None, [], "")
    assert ran.work.queries[-1].error.startswith("57014 ")


def test_the_page_says_why_a_recipe_was_stopped(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(recipe: Recipe, values: dict[str, Any]) -> RecipeRun:
        return RecipeRun(recipe, values, stopped="Stopped: it took too long.")

    monkeypatch.setattr(views, "run", stopped)
    client.force_login(UserFactory())
    assert "Stopped: it took too long." in text_of(client.get(BY_SLUG["too-slow"].url))


def test_statements_that_take_too_long_together_are_stopped(clock: Clock) -> None:
    def many() -> None:
        for number in range(50):
            ask(f"SELECT {number}")
            clock.now += 1.5

    ran = cooked(many)
    assert not lacks(ran.stopped, "Stopped", "all statements together", "6 seconds")
    sent = [query.sql for query in ran.work.queries if query.sql.startswith("SELECT")]
    assert sent == [f"SELECT {number}" for number in range(5)]  # at 0, 1.5, 3, 4.5 and 6 seconds


@pytest.mark.usefixtures("unchanged")
def test_too_long_inside_a_savepoint_rolls_back_cleanly(clock: Clock) -> None:
    def late() -> None:
        with db_transaction.atomic():
            Jar.objects.create(name="rent")
            clock.now += 7
            Jar.objects.count()

    assert cooked(late).stopped.startswith("Stopped: all statements together")
    assert ask("SELECT 1") == 1  # the connection is whole


def test_a_database_error_is_shown_with_its_code(client: Client) -> None:
    ran = cooked(lambda: ask("SELECT 1 / 0"))
    assert ran.error == "22012 division by zero"
    assert [query.error for query in ran.work.queries] == ["22012 division by zero"]


def test_a_query_that_was_refused_has_no_plan_and_the_others_have() -> None:
    def goes_on() -> int:
        try:
            with db_transaction.atomic():
                ask("SELECT 1 / 0")
        except Exception:  # noqa: BLE001 - any
            return Jar.objects.count()
        return -1

    ran = cooked(goes_on)
    assert ran.value == 0
    plans = {query.sql.split()[0]: bool(query.plan) for query in ran.work.queries}
    assert plans == {"SAVEPOINT": False, "SELECT": True, "ROLLBACK": False, "RELEASE": False}
    refused = [query for query in ran.work.queries if query.error]
    assert [(query.sql, query.plan) for query in refused] == [("SELECT 1 / 0", "")]


def test_each_of_a_few_statements_of_one_shape_has_a_plan_and_a_slow_one_is_not_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def many() -> list[int]:
        return [Account.objects.filter(number=str(number)).count() for number in range(5)]

    ran = run(recipe_of(many), {})
    assert [bool(query.plan) for query in ran.work.queries] == [True, True, True, False, False]
    assert "actual time" in ran.work.queries[0].plan
    monkeypatch.setattr(running, "SLOW", -1)
    slow = run(recipe_of(many), {}).work.queries[0].plan
    assert slow.startswith("(estimated only")
    assert "actual time" not in slow


def test_a_row_that_is_not_there_is_an_answer() -> None:
    def nobody() -> Account:
        return Account.objects.get(number="000")

    assert "Account.DoesNotExist" in run(recipe_of(nobody), {}).stopped


def test_queries_are_shown_under_the_step_that_sent_them() -> None:
    def two_ways() -> None:
        with step("one"):
            ask("SELECT 1")
            ask("SELECT 2")
        ask("SELECT 3")

    sections = cooked(two_ways).sections
    assert [(part.title, [query.sql for query in part.queries]) for part in sections] == [
        ("one", ["SELECT 1", "SELECT 2"]),
        ("", ["SELECT 3"]),
    ]


def test_without_a_practice_bank_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cookbook.practice.readiness.is_current", lambda: False)
    with pytest.raises(NoPracticeBank, match=r"manage\.py practice_bank"):
        run(BY_SLUG["too-slow"], {})
