"""Faster migrations: operations that change no column do not render models.

Note [Rendered models]: Django passes a state through the migrations, and model classes made from
it. After each operation, Django makes the classes of the model and of all related models again,
which takes three quarters of the time of all migrations. Triggers, constraints, indexes, options
and managers are not columns. So their operations here change only the state, and write into the
class the options that later operations read from it (AlterField checks which constraints and
indexes have explicit names). `is_delayed` is Django's own flag that the classes are behind the
state: Django makes them all again before code of a migration (RunPython) or of `post_migrate` uses
them.

This works only for migrations that go forward. When migrations are reversed, earlier and later
states share their classes.
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
    """Makes OPERATIONS change only the state of migrations in the block, without rendering
    models.
    """
    originals = {kind: kind.state_forwards for kind in OPERATIONS}
    for kind, state_forwards in originals.items():
        kind.state_forwards = _noting(state_forwards)
    try:
        yield
    finally:
        for kind, state_forwards in originals.items():
            kind.state_forwards = state_forwards


def _noting(original: StateForwards) -> StateForwards:
    def state_forwards(self: Any, app_label: str, state: ProjectState) -> None:
        # without this attribute Django has nothing to render again
        rendered = state.__dict__.pop("apps", None)
        original(self, app_label, state)
        if rendered is not None:
            state.__dict__["apps"] = rendered
            state.is_delayed = True
            model = getattr(self, "model_name", None) or self.name
            _write_options(rendered, state, app_label, model.lower())

    return state_forwards


def _write_options(rendered: Any, state: ProjectState, app_label: str, model: str) -> None:
    """Writes the options that the schema editor reads into the class."""
    options = state.models[app_label, model].options
    meta = rendered.get_model(app_label, model)._meta
    meta.constraints, meta.indexes = options["constraints"], options["indexes"]
    meta.managed = options.get("managed", True)
