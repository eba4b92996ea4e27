"""`manage.py shell`: what is at hand, and `cook`."""

from typing import Any

import pytest
from django.core.management import call_command

from ledger.cookbook.kitchen import BANNER, cook, recipes
from ledger.cookbook.parameters import form_of
from ledger.cookbook.recipes import RECIPES
from ledger.cookbook.templatetags.cookbook import in_shell
from ledger.management.commands.shell import Command

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


def test_recipes_lists_and_completes_and_says_what_there_is_not() -> None:
    assert "lost_update" in repr(recipes)
    assert "lost_update" in dir(recipes)
    with pytest.raises(AttributeError, match="There is no recipe nothing_of_the_kind"):
        recipes.nothing_of_the_kind  # noqa: B018


def test_every_line_of_the_banner_runs(capsys: Any) -> None:
    namespace = Command().get_namespace(verbosity=0, command="", no_imports=False)
    lines = [line.strip() for line in BANNER.splitlines() if line.startswith("    ")]
    assert len(lines) == 3
    for line in lines:
        exec(line, namespace)  # noqa: S102  lines of our own
    for name in ("Account", "Transaction", "transfer", "reports", "reach_of", "Sum", "Window"):
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
