"""What several tests of this folder share."""

import csv
import os
from decimal import Decimal
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


DATA = Path(os.environ.get("LEDGER_BERKA") or PROJECT.parent / "shared/data/berka")


@cache
def table(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.asc").open(encoding="latin-1", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def signed(row: dict[str, str]) -> Decimal:
    return Decimal(row["amount"]) * (1 if row["type"] == "PRIJEM" else -1)
