"""The sizes of a run: full, or tiny for the test of the bench."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of a run. `seconds` is one turn of one contestant. Sizes are numbers of rows."""

    seconds: float = 2.0
    rounds: int = 7
    accounts: int = 1000
    processes: tuple[int, ...] = (1, 4)
    payers: int = 8
    batches: tuple[int, ...] = (100, 1_000, 10_000, 50_000)
    batch_rows: int = 50_000  # rows per turn: one batch of 50,000, five batches of 10,000, ...
    disk_rows: int = 100_000
    histories: tuple[int, ...] = (10_000, 1_000_000)
    reads: int = 40  # number of each kind per round
    pgledger: Path | None = None  # a checkout, from which SQL is loaded
    durable: bool = True  # if False, commits do not wait for the disk: meaningless results


WHOLE = Scale()
BIG_HISTORY = 10_000_000
TOY = Scale(
    seconds=0.1,
    rounds=2,
    accounts=40,
    processes=(1, 2),
    payers=2,
    batches=(30, 1_000),
    batch_rows=1_000,
    disk_rows=500,
    histories=(2_000, 4_000),
    reads=2,
    durable=False,
)
