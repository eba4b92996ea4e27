"""Triggers are added to the state of migrations without rendering models, and work all the same."""

from unittest.mock import patch

from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger, RemoveTrigger

from ledger.db import trigger_states


def final_state() -> ProjectState:
    return MigrationLoader(None).project_state()


def test_the_state_has_the_triggers_of_the_models() -> None:
    with trigger_states.without_rendering():
        quick = final_state()
    triggers = {
        key: [trigger.name for trigger in state.options.get("triggers", [])]
        for key, state in quick.models.items()
    }
    own = ("accounts", "transactions")
    for model in [model for label in own for model in apps.get_app_config(label).get_models()]:
        names = {trigger.name for trigger in getattr(model._meta, "triggers", [])}
        assert set(triggers[model._meta.app_label, str(model._meta.model_name)]) == names


def test_no_model_is_rendered_for_a_trigger() -> None:
    state = final_state()
    rendered = state.apps
    model = rendered.get_model("accounts", "account")
    (first, *_) = state.models["accounts", "account"].options["triggers"]
    with (
        trigger_states.without_rendering(),
        patch.object(ProjectState, "_reload", side_effect=AssertionError("rendered")),
    ):
        RemoveTrigger("account", first.name).state_forwards("accounts", state)
        AddTrigger("account", first).state_forwards("accounts", state)
    assert state.apps is rendered
    assert rendered.get_model("accounts", "account") is model
    assert state.models["accounts", "account"].options["triggers"][-1] is first


def test_afterwards_the_operations_are_as_they_were() -> None:
    before = AddTrigger.state_forwards, RemoveTrigger.state_forwards
    with trigger_states.without_rendering():
        assert AddTrigger.state_forwards is not before[0]
    assert (AddTrigger.state_forwards, RemoveTrigger.state_forwards) == before
