"""Creates URLs with query parameters."""

from typing import Any
from urllib.parse import urlencode


def with_parameters(path: str, **parameters: Any) -> str:
    """Returns a path with these query parameters. Leaves out parameters that are "" or None."""
    given = {name: value for name, value in parameters.items() if value not in ("", None)}
    return f"{path}?{urlencode(given)}" if given else path
