"""Attempts to break each rule of the books: see `cookbook.lab.attempt_runner`.

Each module here has ATTEMPTS, and ROWS if its attempts insert rows.
"""

from importlib import import_module
from pkgutil import iter_modules

from cookbook.lab.attempts import rights
from cookbook.lab.attempts.attempt import Attempt, ValidRow

__all__ = ["ATTEMPTS", "ROWS", "WITHOUT_THE_RIGHT", "Attempt"]

_OTHERS = {"attempt", "rights"}
_names = sorted({found.name for found in iter_modules(__path__)} - _OTHERS)
_modules = [import_module(f"{__name__}.{name}") for name in _names]
_FIRST = ("accounts", "transactions")

# By table: first accounts and transactions, then the others from A to Z.
ATTEMPTS: tuple[Attempt, ...] = tuple(
    sorted(
        (attempt for module in _modules for attempt in module.ATTEMPTS),
        key=lambda attempt: (attempt.table not in _FIRST, attempt.table),
    )
)
WITHOUT_THE_RIGHT: tuple[Attempt, ...] = tuple(rights.ATTEMPTS)
# Valid rows, in which the attempts change one thing.
ROWS: tuple[ValidRow, ...] = tuple(
    row for module in _modules for row in getattr(module, "ROWS", ())
)
