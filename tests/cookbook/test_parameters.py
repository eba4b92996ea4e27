"""A recipe's arguments as the form of its page."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest

from cookbook.recipe import Recipe, RecipeGroup
from cookbook.runner.parameters import Between, form_of
from cookbook.runner.sessions import Session


def sample(
    ana: Session,
    most: Annotated[int, Between(1, 5)] = 3,
    word: str = "rent",
    price: Decimal = Decimal("1.50"),
    day: date = date(2026, 3, 14),
    currency: Literal["USD", "EUR"] = "USD",
    newest: bool = True,
) -> None:
    """A sample."""


RECIPE = Recipe(sample, RecipeGroup("g", "G", "About."), "Sample", "How?", (), "", "")
DEFAULTS = {
    "most": 3,
    "word": "rent",
    "price": Decimal("1.50"),
    "day": date(2026, 3, 14),
    "currency": "USD",
    "newest": True,
}


def cleaned(data: dict[str, str]) -> Any:
    form = form_of(RECIPE, data)
    assert form.is_valid(), form.errors
    return form.cleaned_data


def test_without_an_address_everything_has_its_default_and_sessions_are_no_fields() -> None:
    assert cleaned({}) == DEFAULTS


def test_what_is_given_is_used_and_numbers_left_empty_have_their_default() -> None:
    given = {"most": "", "word": "tea", "price": "2", "day": "2026-01-02", "currency": "EUR"}
    assert cleaned({**given, "newest": "on"}) == {
        "most": 3,
        "word": "tea",
        "price": Decimal(2),
        "day": date(2026, 1, 2),
        "currency": "EUR",
        "newest": True,
    }


def test_an_empty_text_and_a_box_without_its_tick_are_answers_once_the_form_was_sent() -> None:
    assert cleaned({"word": "", "most": "2"}) == {
        **DEFAULTS,
        "word": "",
        "most": 2,
        "newest": False,
    }


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("most", "6", "Type a whole number from 1 to 5."),
        ("most", "1.5", "Type a whole number from 1 to 5."),
        ("price", "much", "Type a number like 12.50."),
        ("price", "NaN", "Type a number like 12.50."),
        ("day", "2026-02-30", "Type a day like 2026-03-14."),
        ("currency", "XXX", "Choose one of these: USD, EUR."),
        ("word", "x" * 201, "Ensure this value has at most 200 characters (it has 201)."),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(name: str, value: str, sentence: str) -> None:
    assert form_of(RECIPE, {name: value}).errors == {name: [sentence]}
