"""`manage.py shell`: what is at hand, and `cook`."""

from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import Account
from cookbook import shell
from cookbook.management.commands.shell import Command
from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import BY_SLUG, RECIPES
from cookbook.runner.parameters import form_of
from cookbook.runner.run import RecipeRun
from cookbook.runner.sessions import Session
from cookbook.shell import BANNER, cook, recipes
from cookbook.templatetags.cookbook import in_shell, whole_source
from tests.factories import AccountFactory

pytestmark = pytest.mark.usefixtures("practice_bank", "db")


def test_cook_prints_source_sql_result_and_lesson(capsys: Any) -> None:
    cook(recipes.spent_by_category, most=2)
    said = capsys.readouterr().out
    for part in ("def spent_by_category", "GROUP BY 1", "LIMIT 2", "wages", "supplies", "Notice: "):
        assert part in said
    assert "savings" not in said


def test_cook_shows_who_did_what(capsys: Any) -> None:
    cook(recipes.lost_update)
    said = capsys.readouterr().out
    assert said.index("-- Ana") < said.index("-- Ben")
    assert "UPDATE jars SET name = 'naive', coins = 150" in said


def test_cook_prints_the_pitfall(capsys: Any) -> None:
    cook(recipes.spent_by_category)
    assert "Pitfall: " in capsys.readouterr().out


def test_cook_says_who_waits_and_what_was_refused(capsys: Any) -> None:
    cook(recipes.retry)
    said = capsys.readouterr().out
    assert said.index("-- waits for Ana") < said.index("has waited for Ana: 40001 ")
    cook(recipes.savepoint)
    assert "-- 23514 new row" in capsys.readouterr().out


def test_cook_runs_a_pasted_recipe_in_the_practice_bank(capsys: Any) -> None:
    pasted: dict[str, Any] = {}
    exec(whole_source(BY_SLUG["limit-for-all"]), pasted)  # noqa: S102  our own source
    before = list(Account.objects.values_list("daily_limit", flat=True))
    cook(pasted["limit_for_all"])
    said = capsys.readouterr().out
    assert "UPDATE accounts" in said
    assert "Pitfall: " in said
    assert list(Account.objects.values_list("daily_limit", flat=True)) == before


def test_a_changed_recipe_with_sessions_cannot_write_outside_them(capsys: Any) -> None:
    def lost_update(ana: Session, ben: Session) -> None:
        Account.objects.update(name="Changed")

    AccountFactory(name="Mine")
    cook(lost_update)
    assert "25006" in capsys.readouterr().out
    assert Account.objects.get().name == "Mine"


def test_cook_explains_what_it_cannot_run(capsys: Any) -> None:
    async def rename() -> None:
        await Account.objects.aupdate(name="Changed")

    def lost_update(ana, ben):  # type: ignore[no-untyped-def]
        raise AssertionError

    cook(rename)
    cook(lost_update)
    said = capsys.readouterr().out
    assert shell.NO_ASYNC in said
    assert "ana, ben" in said


def test_cook_runs_a_function_of_the_reader(capsys: Any) -> None:
    def how_many(least: int) -> int:
        Account.objects.all().update(name="Changed")
        return Account.objects.filter(balance__gte=least).count()

    AccountFactory(name="Mine")
    cook(how_many, least=1)
    said = capsys.readouterr().out
    assert "UPDATE accounts SET name = 'Changed'" in said
    assert "Notice" not in said
    assert Account.objects.get().name == "Mine"


@pytest.mark.parametrize("what", ["nope", print, 17])
def test_cook_says_that_there_is_no_such_recipe(what: Any, capsys: Any) -> None:
    cook(what)
    assert capsys.readouterr().out.startswith("There is no recipe ")


def test_cook_takes_a_name_too(capsys: Any) -> None:
    cook("spent-by-category", most=1)
    assert "LIMIT 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"day": 99}, "day: Type a whole number from 1 to 30."),
        ({"day": None}, "day: Type a whole number from 1 to 30."),
        ({"days": 9}, "It takes day, not days."),
    ],
)
def test_cook_checks_its_arguments_as_the_page_does(
    values: dict[str, Any], sentence: str, capsys: Any
) -> None:
    cook(recipes.day_of_an_account, **values)
    said = capsys.readouterr().out
    assert sentence in said
    assert "SELECT" not in said


def test_cook_leaves_other_arguments_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def takes(most: int = 5, named: str = "x", ticked: bool = True) -> None:
        """A recipe."""

    group = RecipeGroup("tests", "Tests", "")
    words = {"asks": "", "shows": (), "notice": "", "pitfall": ""}
    group.recipe("A test's own", **words)(takes)
    given = []

    def note(recipe: Recipe, values: dict[str, Any]) -> RecipeRun:
        given.append(values)
        return RecipeRun(recipe, values)

    monkeypatch.setitem(BY_SLUG, "takes", group.recipes[0])
    monkeypatch.setattr(shell, "run", note)
    cook(takes, most=0)
    cook(takes, ticked=False)
    assert given == [
        {"most": 0, "named": "x", "ticked": True},
        {"most": 5, "named": "x", "ticked": False},
    ]


def test_recipes_lists_and_completes_and_says_what_there_is_not() -> None:
    assert "lost_update" in repr(recipes)
    assert "lost_update" in dir(recipes)
    with pytest.raises(AttributeError, match="There is no recipe nothing_of_the_kind"):
        recipes.nothing_of_the_kind  # noqa: B018


@pytest.mark.parametrize("query", ["lost update", "deadlock qqzzxx"])
def test_a_call_of_recipes_searches(query: str, capsys: Any) -> None:
    recipes(query)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] in ("lost_update", "locks_in_one_order")
    assert len(lines) < len(BY_SLUG)


def test_a_search_without_a_result_ends_with_a_sentence(capsys: Any) -> None:
    recipes("qqzzxx")
    assert "qqzzxx" in capsys.readouterr().out


def test_every_line_of_the_banner_runs(capsys: Any) -> None:
    namespace = Command().get_namespace(verbosity=0, command="", no_imports=False)
    lines = [line.strip() for line in BANNER.splitlines() if line.startswith("    ")]
    assert len(lines) == 3
    for line in lines:
        exec(line, namespace)  # noqa: S102  lines of our own
    for name in ("Account", "Transaction", "transfer", "reports", "scope_for", "Sum", "Window"):
        assert name in namespace
    assert "Jar" not in namespace  # it is not there outside recipes
    assert "wages" in capsys.readouterr().out


def test_the_line_on_each_page_runs_as_it_is_pasted() -> None:
    namespace = Command().get_namespace(verbosity=0, command="", no_imports=False)
    for recipe in RECIPES:
        exec(in_shell(recipe, form_of(recipe, {})), namespace)  # noqa: S102  a line of our own


def test_days_and_sums_in_that_line_are_those_of_the_shell() -> None:
    dated = [recipe for recipe in RECIPES if "=date(" in in_shell(recipe, form_of(recipe, {}))]
    assert dated
    assert all("datetime.date(" not in in_shell(recipe, form_of(recipe, {})) for recipe in RECIPES)


def test_a_command_is_run_without_the_banner(capsys: Any) -> None:
    call_command("shell", command="print(F('balance') + 1)", verbosity=0)
    assert capsys.readouterr().out == "F(balance) + Value(1)\n"
