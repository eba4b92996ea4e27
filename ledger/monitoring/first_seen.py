"""Measures for how long a value on `/metrics` has not changed. All processes of the server share
the times.
"""

import json
import os
from typing import Any

from ledger.metrics import shared

_seen: dict[str, dict[str, Any]] = {}


def seconds_since(kind: str, value: str | None, now: float) -> float:
    """Returns the number of seconds since this value was first seen. Returns 0 if the value is None
    or has changed since the last call.

    `kind` is the name of the measured value. `now` is the time of the database, in seconds since
    1970.
    """
    seen = _read(kind)
    is_same = value is not None and seen.get("value") == value
    since = float(seen["since"]) if is_same else now
    _write(kind, {"value": value, "since": since})
    return max(0.0, now - since)


def _read(kind: str) -> dict[str, Any]:
    if not shared.is_shared():
        return _seen.get(kind, {})
    try:
        found: dict[str, Any] = json.loads((shared.folder() / f"{kind}.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def _write(kind: str, seen: dict[str, Any]) -> None:
    if not shared.is_shared():
        _seen[kind] = seen
        return
    new = shared.folder() / f"{kind}.json.{os.getpid()}"
    new.write_text(json.dumps(seen))
    new.replace(shared.folder() / f"{kind}.json")
