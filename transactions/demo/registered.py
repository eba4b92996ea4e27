"""Registers what features add to the demo bank, each in its module `demo_data`.

These modules are not imported when a process starts; `seeding` imports them before it creates the
demo.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.module_loading import autodiscover_modules

from accounts.models import User


@dataclass(frozen=True, slots=True)
class DemoBank:
    """The bank for which a feature adds data. `people` uses the keys of `SIGN_INS`; `now` is the
    end of the demo.
    """

    people: Mapping[str, User]
    now: datetime


Step = Callable[[DemoBank], object]


@dataclass(frozen=True, slots=True)
class RegisteredStep:
    """A function that adds rows, and its position among the other steps."""

    order: int
    run: Step
    before_booking: bool


STEPS: list[RegisteredStep] = []  # in order


def register(*, order: int, before_booking: bool = False) -> Callable[[Step], Step]:
    """Registers a function that adds to the demo, after those of a lower `order`. A decorator.

    The function is called after all payments, or before the first one. It is called again if the
    demo was interrupted, so a second call must change nothing.
    """

    def add(run: Step) -> Step:
        STEPS.append(RegisteredStep(order, run, before_booking))
        STEPS.sort(key=lambda step: step.order)
        return run

    return add


def discover() -> None:
    """Imports `demo_data` of each app that has this module."""
    autodiscover_modules("demo_data")


def prepare(bank: DemoBank) -> None:
    """Runs the steps that come before the first payment."""
    _run(bank, before_booking=True)


def complete(bank: DemoBank) -> None:
    """Runs the steps that come after all payments."""
    _run(bank, before_booking=False)


def _run(bank: DemoBank, *, before_booking: bool) -> None:
    for step in STEPS:
        if step.before_booking == before_booking:
            step.run(bank)
