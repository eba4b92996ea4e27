"""Migrations of triggers in half the time.

Each AddTrigger and RemoveTrigger makes Django build the classes of its model and of all related
ones again, for the state that migrations carry along: most of the time that all migrations take.
No migration needs it, because those classes show columns, and a trigger is none.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger, RemoveTrigger

StateForwards = Callable[[Any, str, ProjectState], None]


@contextmanager
def without_rendering() -> Iterator[None]:
    """Within the block, operations of triggers note them in the state, and render nothing."""
    operations: tuple[Any, ...] = (AddTrigger, RemoveTrigger)
    really = {kind: kind.state_forwards for kind in operations}
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

    return state_forwards
