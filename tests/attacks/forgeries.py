"""Facts of a write as smuggled SQL could set them, signed and forged."""

import json
import time
from collections.abc import Callable
from typing import Any

from accounts.models import User
from ledger.db.history.signed_facts import LIFETIME, signed


def told(person: User, **more: Any) -> str:
    values = {"person": str(person.pk), "address": "192.0.2.7", "path": "/here/", "request": "r-1"}
    return json.dumps({**values, **more})


FORGED: dict[str, Callable[[str], str]] = {
    "not signed": lambda text: text,
    "that says it is proved": lambda text: json.dumps({**json.loads(text), "proved": True}),
    "with an empty signature": lambda text: f"{int(time.time()) + LIFETIME}  {text}",
    "signed by another key": lambda text: signed(text, key=b"x" * 32),
    "stale": lambda text: signed(text, expires=int(time.time()) - 1),
    "of another person under a right signature": lambda text: signed("{}")[:76] + text,
}
