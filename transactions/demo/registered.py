"""Registers functions that add data to the demo bank. The functions are in the module `demo_data`
of each feature.

`seeding` imports these modules before it creates the demo. Other processes do not import the
modules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.module_loading import autodiscover_modules

from accounts.models import User


@dataclass(frozen=True, slots=True)
class DemoBank:
    """The bank to which a feature adds data. `people` has the same keys as `SIGN_INS`. `now` is the
    time at which the demo ends.
    """

    people: Mapping[str, User]
    now: datetime


Step = Callable[[DemoBank], object]


@dataclass(frozen=True, slots=True)
class RegisteredStep:
    """A function that adds rows to the demo, and its position in the order of the functions."""

    order: int
    run: Step
    before_booking: bool


STEPS: list[RegisteredStep] = []  # in the order in which they run


def register(*, order: int, before_booking: bool = False) -> Callable[[Step], Step]:
    """Returns a decorator. The decorated function adds data to the demo. Functions with a lower
    `order` run earlier.

    With `before_booking`, the function runs before the first payment is booked. Otherwise it runs
    after all payments are booked. If the creation of the demo is interrupted and starts again, the
    function runs again. So a second call must change nothing.
    """

    def add(run: Step) -> Step:
        STEPS.append(RegisteredStep(order, run, before_booking))
        STEPS.sort(key=lambda step: step.order)
        return run

    return add


def discover() -> None:
    """Imports the module `demo_data` of each app that has one."""
    autodiscover_modules("demo_data")


def prepare(bank: DemoBank) -> None:
    """Runs the functions that were registered with `before_booking`."""
    _run(bank, before_booking=True)


def complete(bank: DemoBank) -> None:
    """Runs the functions that were registered without `before_booking`."""
    _run(bank, before_booking=False)


def _run(bank: DemoBank, *, before_booking: bool) -> None:
    for step in STEPS:
        if step.before_booking == before_booking:
            step.run(bank)
