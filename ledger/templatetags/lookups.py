"""A template filter for reading dictionaries."""

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def of(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Returns the value of a key, or None if the key does not exist."""
    return mapping.get(key)
