"""A small demo bank: its world played through, and the command run."""

from datetime import UTC, date, datetime
from io import StringIO
from typing import Any

from django.core.management import call_command

from transactions.demo.world import World

DAY = date(2026, 5, 20)
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)


def play(**options: Any) -> World:
    return World(**{"users": 24, "months": 2, "seed": 7, "now": NOON, **options})


def run(**options: Any) -> str:
    out = StringIO()
    small = {"users": 14, "months": 1, "force": True}
    call_command("seed_demo", **{**small, **options}, stdout=out)
    return out.getvalue()
