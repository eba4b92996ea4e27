"""Makes migrations faster, because operations that change no columns do not create model classes
again.

Note [Rendered models]: after each operation, Django creates the classes of the model and of all
related models again. This takes three quarters of the time of all migrations. The operations in
OPERATIONS change triggers, constraints, indexes, options and managers, but no columns. Here these
operations change only the migration state, and copy the options that the schema editor reads into
the existing class. They also set Django's flag `is_delayed`. Because of this flag, Django creates
all classes again before RunPython and `post_migrate` use them.

This works only for migrations that go forward. When migrations are undone, earlier and later states
use the same classes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations import operations as of_django
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger, RemoveTrigger

StateForwards = Callable[[Any, str, ProjectState], None]
# AlterModelTableComment is not included, because it reads the comment from the class of the new
# state.
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
    """Prevents the operations in OPERATIONS from creating model classes again inside the block."""
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
        # without this attribute, Django does not create classes again
        rendered = state.__dict__.pop("apps", None)
        original(self, app_label, state)
        if rendered is not None:
            state.__dict__["apps"] = rendered
            state.is_delayed = True
            model = getattr(self, "model_name", None) or self.name
            _write_options(rendered, state, app_label, model.lower())

    return state_forwards


def _write_options(rendered: Any, state: ProjectState, app_label: str, model: str) -> None:
    """Copies options from the migration state into the model class. Copies only the options that
    the schema editor reads.
    """
    options = state.models[app_label, model].options
    meta = rendered.get_model(app_label, model)._meta
    meta.constraints, meta.indexes = options["constraints"], options["indexes"]
    meta.managed = options.get("managed", True)
