"""`expand=`: which rows an answer writes out where it names them by their id."""

from collections.abc import Sequence

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from api.fields import names_in


def names_to_expand(request: Request, allowed: Sequence[str]) -> frozenset[str]:
    """The names in `expand=` of the address; none without it. Raises ValidationError for a name
    that is not one of `allowed`.
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
            {"expand": [f"{unknown[0][:60]} cannot be expanded; there are {there}."]}
        )
    return frozenset(names)
