"""The form on the page of a recipe. The fields are the arguments of the recipe's function.

An argument needs a default value and one of these annotations: `int` (0 to 1,000, or
`Annotated[int, Between(1, 20)]`), `str`, `Decimal`, `date`, `bool`, or `Literal` for a choice.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from django import forms

from cookbook.recipe import Recipe
from cookbook.runner.sessions import Session

MAX_TEXT = 200  # maximum length of a text, in characters


@dataclass(frozen=True)
class Between:
    """The smallest and the largest allowed value of a number."""

    least: int
    most: int


def form_of(recipe: Recipe, data: Mapping[str, Any]) -> forms.Form:
    """Returns the form of a recipe with the values of a URL. An argument that the URL does not
    contain has its default value.
    """
    hints = get_type_hints(recipe.function, include_extras=True)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(recipe.function).parameters.items()
        if hints[name] is not Session
    }
    was_sent = any(name in data for name in defaults)
    fields: dict[str, forms.Field] = {}
    given: dict[str, Any] = {}
    for name, default in defaults.items():
        fields[name] = _field(hints[name])
        fields[name].label = name.replace("_", " ").capitalize()
        if was_sent and hints[name] in (bool, str):  # an empty text, or a checkbox without a tick
            given[name] = data.get(name, default if hints[name] is str else False)
        else:
            given[name] = data.get(name) or default
    form: forms.Form = type("ParametersForm", (forms.Form,), fields)(given, auto_id="id_%s")
    return form


def session_names(recipe: Recipe) -> list[str]:
    """Returns the names of the arguments that are sessions, in order."""
    hints = get_type_hints(recipe.function)
    return [
        name for name in inspect.signature(recipe.function).parameters if hints[name] is Session
    ]


def _field(hint: Any) -> forms.Field:
    bounds = Between(0, 1000)
    if get_origin(hint) is Annotated:
        hint, bounds = get_args(hint)
    if get_origin(hint) is Literal:
        choices = [(str(value), str(value)) for value in get_args(hint)]
        message = "Choose one of these: " + ", ".join(text for text, _ in choices) + "."
        return forms.ChoiceField(choices=choices, error_messages={"invalid_choice": message})
    if hint is int:
        message = f"Type a whole number from {bounds.least:,} to {bounds.most:,}."
        return forms.IntegerField(
            min_value=bounds.least,
            max_value=bounds.most,
            error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), message),
        )
    if hint is bool:
        return forms.BooleanField(required=False)
    if hint is date:
        message = "Type a day like 2026-03-14."
        return forms.DateField(
            widget=forms.DateInput(attrs={"type": "date"}), error_messages={"invalid": message}
        )
    if hint is Decimal:
        return forms.DecimalField(
            max_digits=20, decimal_places=4, error_messages={"invalid": "Type a number like 12.50."}
        )
    return forms.CharField(max_length=MAX_TEXT, required=False, strip=False)
