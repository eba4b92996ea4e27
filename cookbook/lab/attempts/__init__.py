"""An attempt to break each rule of the books: see `cookbook.lab.attempt_runner`."""

from cookbook.lab.attempts import (
    accounts,
    files,
    history,
    people,
    rights,
    seals,
    transactions,
    words,
)
from cookbook.lab.attempts.attempt import Attempt, ValidRow

__all__ = ["ATTEMPTS", "AT_THE_FIRST_WALL", "ROWS", "Attempt"]

ATTEMPTS: tuple[Attempt, ...] = (
    *transactions.ATTEMPTS,
    *accounts.ATTEMPTS,
    *words.ATTEMPTS,
    *seals.ATTEMPTS,
    *files.ATTEMPTS,
    *people.ATTEMPTS,
    *history.ATTEMPTS,
)
WITHOUT_THE_RIGHT: tuple[Attempt, ...] = tuple(rights.ATTEMPTS)
# The rows that tables take as they are, which the attempts change one thing in.
ROWS: tuple[ValidRow, ...] = (
    *accounts.ROWS,
    *transactions.ROWS,
    *words.ROWS,
    *seals.ROWS,
    *files.ROWS,
    *people.ROWS,
    *history.ROWS,
)
