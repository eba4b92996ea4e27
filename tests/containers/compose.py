"""Reads the Compose files as `docker compose` does, as far as ours go."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ledger.env import BASE_DIR

VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


class MissingVariable(Exception):
    """A variable that has to be set is not; the message is that of the file."""


def compose(name: str = "compose.yaml") -> dict[str, Any]:
    """The file with its variables as they stand."""
    found: dict[str, Any] = yaml.safe_load((BASE_DIR / name).read_text())
    return found


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """The same with the values of variables. Raises MissingVariable."""
    if isinstance(value, dict):
        return {key: filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, variables) for each in value]
    return (
        VARIABLE.sub(lambda found: _value(found, variables), value)
        if isinstance(value, str)
        else value
    )


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, rest = found.groups()
    if kind == ":?" and not variables.get(name):
        raise MissingVariable(f"{name} {rest}")
    return variables.get(name) or (rest if kind == ":-" else "")
