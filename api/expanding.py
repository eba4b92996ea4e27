"""The parameter `expand=`, which replaces ids in a response by the complete objects."""

from collections.abc import Sequence

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from api.fields import names_in


def names_to_expand(request: Request, allowed: Sequence[str]) -> frozenset[str]:
    """Returns the names in the parameter `expand=`, or no names if the parameter is missing.

    Raises: ValidationError for a name that is not in `allowed`.
    """
    given = request.query_params.get("expand", "")
    if not given:
        return frozenset()
    names = names_in(given)
    there = ", ".join(allowed)
    if not names:
        raise ValidationError({"expand": [f"Name one or more of {there}."]})
    if unknown := sorted(names - set(allowed)):
        raise ValidationError(
            {"expand": [f"{unknown[0][:60]} cannot be expanded; known names: {there}."]}
        )
    return frozenset(names)
