"""Rules and options come into the state of migrations without rendering models, and the database is
the same.
"""

from collections.abc import Callable
from unittest.mock import patch

import pgtrigger
import pytest
from django.db import models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState
from pgtrigger.migrations import AddTrigger, RemoveTrigger

from ledger.db.migrating import states
from tests.ledger.databases import Database

# Runs migrate with something else in place of `without_rendering`.
MIGRATE = """
from contextlib import nullcontext
from unittest.mock import patch
from django.core.management import call_command
with patch("ledger.management.commands.migrate.without_rendering", {instead}):
    call_command("migrate", *{arguments}, verbosity=0)
"""


class InMigrations(models.Manager[models.Model]):
    use_in_migrations = True


def final_state() -> ProjectState:
    return MigrationLoader(None).project_state()


def test_the_state_has_the_triggers_of_the_models() -> None:
    with states.without_rendering():
        quick = final_state()
    triggers = {
        key: [trigger.name for trigger in state.options.get("triggers", [])]
        for key, state in quick.models.items()
    }
    for model, trigger in pgtrigger.registered():
        assert trigger.name in triggers[model._meta.app_label, str(model._meta.model_name)]
    assert sum(map(len, triggers.values())) == len(pgtrigger.registered())


def test_no_model_is_rendered_for_a_trigger() -> None:
    state = final_state()
    rendered = state.apps
    model = rendered.get_model("accounts", "account")
    (first, *_) = state.models["accounts", "account"].options["triggers"]
    with (
        states.without_rendering(),
        patch.object(ProjectState, "_reload", side_effect=AssertionError("rendered")),
    ):
        RemoveTrigger("account", first.name).state_forwards("accounts", state)
        AddTrigger("account", first).state_forwards("accounts", state)
    assert state.apps is rendered
    assert rendered.get_model("accounts", "account") is model
    assert state.models["accounts", "account"].options["triggers"][-1] is first


@pytest.mark.parametrize(
    ("operation", "option"),
    [
        (operations.AddIndex("account", models.Index(fields=["name"], name="by_name")), "indexes"),
        (operations.RemoveIndex("account", "accounts_search"), "indexes"),
        (
            operations.AddConstraint(
                "account", models.CheckConstraint(condition=models.Q(held=0), name="none_held")
            ),
            "constraints",
        ),
        (operations.RemoveConstraint("account", "held_non_negative"), "constraints"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_no_model_is_rendered_for_a_rule_which_its_class_has_all_the_same(
    operation: operations.base.Operation, option: str
) -> None:
    """AlterField reads from the class which indexes and constraints have names of their own."""
    state = final_state()
    model = state.apps.get_model("accounts", "account")
    before = list(getattr(model._meta, option))
    with (
        states.without_rendering(),
        patch.object(ProjectState, "_reload", side_effect=AssertionError("rendered")),
    ):
        operation.state_forwards("accounts", state)
    assert state.apps.get_model("accounts", "account") is model
    after = getattr(model._meta, option)
    assert after == state.models["accounts", "account"].options[option]
    assert len(after) == len(before) + (1 if "Add" in type(operation).__name__ else -1)


@pytest.mark.parametrize(
    "operation",
    [
        operations.AlterConstraint(
            "account", "held_non_negative",
            models.CheckConstraint(condition=models.Q(held__gte=1), name="held_non_negative"),
        ),
        operations.AlterModelManagers("account", [("recorded", InMigrations())]),
        operations.AlterModelOptions("account", {"ordering": ["held"]}),
        operations.RenameIndex("account", new_name="by_search", old_name="accounts_search"),
    ],
    ids=lambda given: type(given).__name__,
)  # fmt: skip
def test_code_of_a_migration_sees_what_was_not_rendered(
    operation: operations.base.Operation,
) -> None:
    quick, rendered = final_state(), final_state()
    assert quick.apps
    with (
        states.without_rendering(),
        patch.object(ProjectState, "_reload", side_effect=AssertionError("rendered")),
    ):
        operation.state_forwards("accounts", quick)
    operation.state_forwards("accounts", rendered)
    quick.clear_delayed_apps_cache()  # as RunPython does

    seen, wanted = seen_of(quick), seen_of(rendered)
    assert seen == wanted
    assert seen != seen_of(final_state())


def test_the_schema_editor_sees_whether_a_table_is_managed() -> None:
    state = final_state()
    meta = state.apps.get_model("accounts", "account")._meta
    with states.without_rendering():
        operations.AlterModelOptions("account", {"managed": False}).state_forwards(
            "accounts", state
        )
    assert meta.managed is False


def seen_of(state: ProjectState) -> tuple[dict[str, object], list[str]]:
    """The options and the names of the managers of a model, as code of a migration has it."""
    found = ModelState.from_model(state.apps.get_model("accounts", "account"))
    return found.options, [name for name, _ in found.managers]


def test_the_database_is_the_same_as_with_rendering(
    new_database: Callable[[str], Database],
) -> None:
    quick, rendered = new_database("empty"), new_database("nothing")
    rendered.run("createdb")
    code = MIGRATE.format(instead="nullcontext", arguments=())
    rendered.run("shell", "--no-imports", "-v0", "-c", code)
    assert quick.schema() == rendered.schema()


def test_migrations_are_taken_back_with_rendering(empty: Database) -> None:
    """Then earlier states share their classes with later ones."""
    back = MIGRATE.format(instead="None", arguments=("explorer", "zero"))
    empty.run("shell", "--no-imports", "-v0", "-c", back)
    forwards = MIGRATE.format(instead="None", arguments=("explorer",))
    done = empty.manage("shell", "--no-imports", "-v0", "-c", forwards)
    assert "'NoneType' object is not callable" in done.stderr


def test_afterwards_the_operations_are_as_they_were() -> None:
    before = AddTrigger.state_forwards, RemoveTrigger.state_forwards
    with states.without_rendering():
        assert AddTrigger.state_forwards is not before[0]
    assert (AddTrigger.state_forwards, RemoveTrigger.state_forwards) == before
