"""A template filter for dictionaries."""

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def of(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Returns the value for a key, or None."""
    return mapping.get(key)
