"""Migrations in half the time: operations that change no column render no model.

Note [Rendered models]: Django carries a state through the migrations, and classes made from it.
After each operation it makes the classes of the model and of all related ones again: three
quarters of the time that all migrations take. Triggers, constraints, indexes, options and managers
are no columns, so their operations change the state alone, and write into the class the options
that later operations read from it (AlterField asks which constraints and indexes have names of
their own). `is_delayed` is Django's own note that the classes are behind the state: it makes them
all again before code of a migration (RunPython) or of `post_migrate` sees them.

For migrations that go forward: taken back, earlier states share their classes with later ones.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations import operations as of_django
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger, RemoveTrigger

StateForwards = Callable[[Any, str, ProjectState], None]
# Not AlterModelTableComment: it reads the comment from the rendered class of the new state.
OPERATIONS: tuple[Any, ...] = (
    AddTrigger,
    RemoveTrigger,
    of_django.AddConstraint,
    of_django.AddIndex,
    of_django.AlterConstraint,
    of_django.AlterModelManagers,
    of_django.AlterModelOptions,
    of_django.RemoveConstraint,
    of_django.RemoveIndex,
    of_django.RenameIndex,
)


@contextmanager
def without_rendering() -> Iterator[None]:
    """Within the block, OPERATIONS change the state of migrations and render no model."""
    really = {kind: kind.state_forwards for kind in OPERATIONS}
    for kind, state_forwards in really.items():
        kind.state_forwards = _noting(state_forwards)
    try:
        yield
    finally:
        for kind, state_forwards in really.items():
            kind.state_forwards = state_forwards


def _noting(really: StateForwards) -> StateForwards:
    def state_forwards(self: Any, app_label: str, state: ProjectState) -> None:
        rendered = state.__dict__.pop("apps", None)  # without it Django has nothing to render again
        really(self, app_label, state)
        if rendered is not None:
            state.__dict__["apps"] = rendered
            state.is_delayed = True
            model = getattr(self, "model_name", None) or self.name
            _write_options(rendered, state, app_label, model.lower())

    return state_forwards


def _write_options(rendered: Any, state: ProjectState, app_label: str, model: str) -> None:
    """Writes what the schema editor reads of a class into the class."""
    options = state.models[app_label, model].options
    meta = rendered.get_model(app_label, model)._meta
    meta.constraints, meta.indexes = options["constraints"], options["indexes"]
    meta.managed = options.get("managed", True)
