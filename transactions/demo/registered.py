"""What features add to the demo bank. Each registers it in its module `demo_data`.

No process imports these modules when it starts: `seeding` does, before it makes the demo.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.module_loading import autodiscover_modules

from accounts.models import User


@dataclass(frozen=True, slots=True)
class DemoBank:
    """What a feature adds to. `people`: by the names of `SIGN_INS`; `now`: the end of the demo."""

    people: Mapping[str, User]
    now: datetime


Step = Callable[[DemoBank], object]


@dataclass(frozen=True, slots=True)
class RegisteredStep:
    """A function that adds rows, and its place among the others."""

    order: int
    run: Step
    before_booking: bool


STEPS: list[RegisteredStep] = []  # in order


def register(*, order: int, before_booking: bool = False) -> Callable[[Step], Step]:
    """Lets a function add to the demo, after those of a lower `order`. A decorator.

    The function is called after all payments, or before the first one. It is called again if the
    demo was interrupted, so a second call changes nothing.
    """

    def add(run: Step) -> Step:
        STEPS.append(RegisteredStep(order, run, before_booking))
        STEPS.sort(key=lambda step: step.order)
        return run

    return add


def discover() -> None:
    """Imports `demo_data` of each app that has one."""
    autodiscover_modules("demo_data")


def prepare(bank: DemoBank) -> None:
    """Takes the steps that come before the first payment."""
    _take(bank, before_booking=True)


def complete(bank: DemoBank) -> None:
    """Takes the steps that come after all payments."""
    _take(bank, before_booking=False)


def _take(bank: DemoBank, *, before_booking: bool) -> None:
    for step in STEPS:
        if step.before_booking == before_booking:
            step.run(bank)
